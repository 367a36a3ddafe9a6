"""The interface every inference back end has, and the settings they share."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import platformdirs
from numpy.typing import NDArray

from core.errors import ModelError

Tensor = NDArray[np.float32]


def default_cache_folder() -> Path:
    """Where built engines, timing caches and measured choices are kept for this user."""
    return Path(platformdirs.user_cache_dir("realtalk-cam")) / "engines"


@dataclass(frozen=True, kw_only=True)
class EngineSettings:
    """How engines run.

    Attributes:
        threads: CPU threads of one inference. One leaves the other cores to the call software.
        spinning: Whether idle CPU threads wait by spinning: a little faster, burns a core.
        half: Whether a GPU may compute in 16-bit floats.
        device_id: Which GPU.
        cache_folder: For engine and timing caches and for the measured choice.
    """

    threads: int = 1
    spinning: bool = False
    half: bool = True
    device_id: int = 0
    cache_folder: Path = field(default_factory=default_cache_folder)


class Engine(Protocol):
    """One network, loaded and bound to a device. Used by one thread at a time."""

    @property
    def name(self) -> str:
        """What the user is shown, such as "TensorRT"."""
        ...

    def set_constants(self, inputs: Mapping[str, Tensor]) -> None:
        """Put inputs that stay the same on the device, once; `run` need not name them again."""
        ...

    def warm_up(self, runs: int = 3) -> None:
        """Run on zeros, so that the first real frame is not the slow one."""
        ...

    def run(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """The network's single output.

        Args:
            inputs: Every input that is not constant, with exactly the network's shapes, float32.

        Returns:
            The output, float32, valid until the next call.

        Raises:
            ModelError: The back end failed, or an input is missing or has another shape.
        """
        ...


class BoundEngine(ABC):
    """What engines share whose inputs lie on the device from the start: an `Engine` but for `name`.

    Attributes:
        name: What the user is shown.
    """

    def __init__(self, name: str, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """`shapes`: of every input, by name."""
        self.name = name
        self._shapes = dict(shapes)
        self._constants: set[str] = set()

    def set_constants(self, inputs: Mapping[str, Tensor]) -> None:
        """Upload inputs that stay the same; see `Engine.set_constants`."""
        self._upload(inputs)
        self._constants |= inputs.keys()

    def run(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Upload the changing inputs, run, download the output; see `Engine.run`."""
        missing = self._shapes.keys() - self._constants - inputs.keys()
        if missing:
            names = ", ".join(sorted(missing))
            raise ModelError(
                "{engine}: no value for the inputs {names}.", engine=self.name, names=names
            )
        self._upload(inputs)
        return self._compute()

    def _upload(self, inputs: Mapping[str, Tensor]) -> None:
        for name, value in inputs.items():
            shape = self._shapes.get(name)
            if shape is None:
                raise ModelError(
                    "{engine}: the network has no input '{name}'.", engine=self.name, name=name
                )
            if value.shape != shape:
                raise ModelError(
                    "{engine}: input '{name}' must be {wanted}, not {given}.",
                    engine=self.name, name=name, wanted=shape, given=value.shape,
                )  # fmt: skip
            self._place(name, np.ascontiguousarray(value, np.float32))

    @abstractmethod
    def _place(self, name: str, value: Tensor) -> None:
        """Copy a checked input to the device."""

    @abstractmethod
    def _compute(self) -> Tensor:
        """Run on what is placed, and download the output."""


class EngineFactory(Protocol):
    """Makes an engine of one kind."""

    @property
    def name(self) -> str:
        """Name of the engines it makes."""
        ...

    def available(self, model: Path) -> bool:
        """Whether its software is installed and the model has what it runs; loading may fail."""
        ...

    def load(self, model: Path, settings: EngineSettings) -> Engine:
        """Load a network.

        Raises:
            ModelError: It cannot be loaded with this back end.
        """
        ...
