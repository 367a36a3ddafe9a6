"""What decides a training of a voice network besides the data."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Everything that decides a run besides the data."""

    minutes: float = 105.0  # of processor time; on a GPU by the clock
    batch: int = 24
    tokens: int = 216
    learning_rate: float = 2e-3
    warm_up_steps: int = 100
    weight_decay: float = 0.01
    average_decay: float = 0.998
    closure_weight: float = 1.8
    velocity_weight: float = 0.5
    shape_weight: float = 0.5
    class_weight: float = 0.25
    seal_weight: float = 0.3
    speech_weight: float = 0.3
    rest_share: float = 0.12
    human_share: float | None = None  # of the rest; None: as much as there is
    spectrum_steps: int = 185
    tutor_weight: float = 2.0
    checkpoint_s: float = 120.0
    seed: int = 0
