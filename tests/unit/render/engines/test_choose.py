"""The choice of engine: by measurement, remembered, and stepping down aloud."""

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from core.errors import ModelError
from render.engines import choose
from render.engines.base import Engine, EngineSettings, Tensor
from render.engines.onnx_engine import ONNX_CPU
from tests.unit.render.engines.tiny import tiny_model


class FakeEngine:
    """Adds the constant `offset`, takes `pause_s`, fails after `good_runs`."""

    def __init__(self, factory: "FakeFactory") -> None:
        self.name = factory.name
        self.factory = factory
        self.offset = 0.0

    def set_constants(self, inputs: Mapping[str, Tensor]) -> None:
        self.offset += sum(float(value[0]) for value in inputs.values())

    def warm_up(self, runs: int = 3) -> None:
        time.sleep(self.factory.pause_s * runs)

    def run(self, inputs: Mapping[str, Tensor]) -> Tensor:
        self.factory.good_runs -= 1
        if self.factory.good_runs < 0:
            raise ModelError(f"{self.name} lost its device.")
        return inputs["frame"] + np.float32(self.offset)


class FakeFactory:
    """Makes fake engines, or refuses."""

    def __init__(
        self, name: str, pause_s: float = 0.0, loads: bool = True, good_runs: int = 1000
    ) -> None:
        self.name, self.pause_s, self.loads, self.good_runs = name, pause_s, loads, good_runs
        self.loaded = 0

    def available(self, model: Path) -> bool:
        return True

    def load(self, model: Path, settings: EngineSettings) -> Engine:
        self.loaded += 1
        if not self.loads:
            raise ModelError(f"{self.name} cannot start.")
        return FakeEngine(self)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"weights")
    return path


@pytest.fixture
def settings(tmp_path: Path) -> EngineSettings:
    return EngineSettings(cache_folder=tmp_path / "cache")


FRAME = {"frame": np.ones(1, np.float32)}


def test_the_fastest_wins_and_is_remembered(model: Path, settings: EngineSettings) -> None:
    slow, fast = FakeFactory("slow", pause_s=0.004), FakeFactory("fast")
    assert choose.choose(model, settings, ladder=[slow, fast]).name == "fast"
    assert choose.choose(model, settings, ladder=[slow, fast]).name == "fast"
    assert (slow.loaded, fast.loaded) == (1, 3)


def test_a_new_model_is_measured_again(model: Path, settings: EngineSettings) -> None:
    slow, fast = FakeFactory("slow", pause_s=0.004), FakeFactory("fast")
    choose.choose(model, settings, ladder=[slow, fast])
    model.write_bytes(b"other weights")
    choose.choose(model, settings, ladder=[slow, fast])
    assert slow.loaded == 2


def test_engines_that_do_not_start_are_reported(model: Path, settings: EngineSettings) -> None:
    said: list[str] = []
    ladder = [FakeFactory("broken", loads=False), FakeFactory("works")]
    assert choose.choose(model, settings, said.append, ladder).name == "works"
    assert said == ["broken cannot start. broken is left out."]


def test_a_failing_frame_is_repeated_one_rung_down(model: Path, settings: EngineSettings) -> None:
    said: list[str] = []
    ladder = [FakeFactory("first", good_runs=1), FakeFactory("second"), FakeFactory("third")]
    engine = choose.LadderEngine(ladder, model, settings, said.append)
    engine.set_constants({"offset": np.full(1, 5, np.float32)})
    assert engine.run(FRAME)[0] == 6
    assert engine.run(FRAME)[0] == 6
    assert engine.name == "second"
    assert said == ["first lost its device. Falling back to second."]


def test_a_remembered_engine_that_is_gone_steps_down(model: Path, settings: EngineSettings) -> None:
    said: list[str] = []
    fast, slow = FakeFactory("fast"), FakeFactory("slow", pause_s=0.002)
    choose.choose(model, settings, said.append, [fast, slow])
    fast.loads = False
    assert choose.choose(model, settings, said.append, [fast, slow]).name == "slow"
    assert said == ["fast cannot start. Falling back to slow."]


def test_nothing_left_is_an_error(model: Path, settings: EngineSettings) -> None:
    with pytest.raises(ModelError, match="No engine"):
        choose.choose(model, settings, lambda text: None, [FakeFactory("a", loads=False)])
    engine = choose.LadderEngine([FakeFactory("b", good_runs=0)], model, settings)
    with pytest.raises(ModelError, match="b lost its device"):
        engine.run(FRAME)


def test_a_damaged_memory_is_measured_anew(model: Path, settings: EngineSettings) -> None:
    factory = FakeFactory("only")
    choose.choose(model, settings, ladder=[factory])
    (file,) = settings.cache_folder.glob("choice-*.json")
    file.write_text("{")
    assert choose.choose(model, settings, ladder=[factory]).name == "only"
    assert '"only"' in file.read_text()


def test_the_real_ladder_ends_on_the_processor(tmp_path: Path, settings: EngineSettings) -> None:
    engine = choose.choose(tiny_model(tmp_path / "m.onnx"), settings)
    rows = {name: np.ones((1, 4), np.float32) for name in ("frame", "gain", "constant")}
    assert np.array_equal(engine.run(rows), np.full((1, 4), 2, np.float32))
    assert choose.LADDER[-1] is ONNX_CPU
