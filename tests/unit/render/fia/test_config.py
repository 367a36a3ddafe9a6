"""The description of a FIA network."""

import dataclasses

import pytest

from core.errors import ConfigError
from render.fia.config import PRESETS, FiaConfig


def test_every_preset_survives_json() -> None:
    for config in PRESETS.values():
        assert FiaConfig.from_json(config.to_json()) == config


def test_levels_halve_from_the_finest() -> None:
    compact = PRESETS["compact"]
    assert [compact.level_side_px(i) for i in range(4)] == [10, 20, 40, 80]
    assert [PRESETS["paper"].level_side_px(i) for i in (0, 4)] == [16, 256]


@pytest.mark.parametrize(
    "change",
    [
        {"size_px": 150},
        {"decoder_widths": (8, 4)},
        {"aligned_levels": 5},
    ],
)
def test_impossible_shapes_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="compact"):
        dataclasses.replace(PRESETS["compact"], **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "[]", '{"name": "x"}', '{"nonsense": 1}'])
def test_bad_descriptions_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        FiaConfig.from_json(text)
