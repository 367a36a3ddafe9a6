"""Picks the fastest engine that works, remembers it, and steps down aloud when one fails."""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.errors import ModelError
from core.messages import Message
from render.engines.base import Engine, EngineFactory, EngineSettings, Tensor
from render.engines.identity import cache_key
from render.engines.onnx_engine import (
    COREML,
    CUDA,
    DIRECTML,
    ONNX_CPU,
    ONNX_CPU_INT8,
    OPENVINO,
    PLAIN_CUDA,
    TENSORRT,
    TENSORRT_RTX,
)
from render.engines.torch_cuda_engine import TORCH_COMPILED, TORCH_CUDA
from render.engines.torch_tensorrt_engine import TorchTensorRt

logger = logging.getLogger(__name__)

LADDER: tuple[EngineFactory, ...] = (
    TorchTensorRt(),
    TENSORRT,
    TENSORRT_RTX,
    TORCH_COMPILED,
    TORCH_CUDA,
    CUDA,
    PLAIN_CUDA,
    COREML,
    DIRECTML,
    OPENVINO,
    ONNX_CPU_INT8,
    ONNX_CPU,
)
"""All engines, from the one expected to be fastest to the one that always works."""

MEASURED_RUNS = 10
Say = Callable[[str], None]


@dataclass(frozen=True)
class Measurement:
    """How fast an engine ran on this machine.

    Attributes:
        name: The engine.
        median_ms: Median time of one inference; infinite if it failed.
        problem: Why it failed, empty if it did not.
    """

    name: str
    median_ms: float
    problem: str = ""


def measure(
    factory: EngineFactory, model: Path, settings: EngineSettings
) -> tuple[Engine | None, Measurement]:
    """Load one engine and time it; a failure is reported, not raised."""
    try:
        engine = factory.load(model, settings)
        engine.set_constants({})
        engine.warm_up()
        times_ms = []
        for _ in range(MEASURED_RUNS):
            start = time.perf_counter()
            engine.warm_up(1)
            times_ms.append((time.perf_counter() - start) * 1e3)
    except ModelError as error:
        return None, Measurement(factory.name, float("inf"), error.message)
    return engine, Measurement(factory.name, float(np.median(times_ms)))


def choose(
    model: Path,
    settings: EngineSettings,
    say: Say = logger.warning,
    ladder: Sequence[EngineFactory] = LADDER,
) -> "LadderEngine":
    """The fastest engine for a model: measured at the first start, remembered afterwards.

    Args:
        model: ONNX file with fixed shapes and one output.
        settings: For all engines.
        say: Receives one sentence for the user for each engine that does not work.
        ladder: Engines to try; the last must be able to run anywhere.

    Raises:
        ModelError: No engine can run the model.
    """
    factories = [factory for factory in ladder if factory.available(model)]
    names = [factory.name for factory in factories]
    remembered = _choice_file(model, settings, names)
    order = _read_choice(remembered, names)
    if order is None:
        order = _measured_order(factories, model, settings, say)
        _write_choice(remembered, order)
    by_name = {factory.name: factory for factory in factories}
    return LadderEngine([by_name[name] for name in order], model, settings, say)


class LadderEngine:
    """An engine that replaces itself by the next one when it fails."""

    def __init__(
        self,
        factories: Sequence[EngineFactory],
        model: Path,
        settings: EngineSettings,
        say: Say = logger.warning,
    ) -> None:
        """Load the first factory that works.

        Raises:
            ModelError: None does.
        """
        self._factories, self._model, self._settings = list(factories), model, settings
        self._say = say
        self._constants: dict[str, Tensor] = {}
        self._engine = self._load_next("")

    @property
    def name(self) -> str:
        """Name of the engine in use now."""
        return self._engine.name

    def set_constants(self, inputs: Mapping[str, Tensor]) -> None:
        """See `Engine.set_constants`; kept, so that a replacement engine gets them too."""
        self._constants |= inputs
        self._engine.set_constants(inputs)

    def warm_up(self, runs: int = 3) -> None:
        """See `Engine.warm_up`; may step down."""
        self._attempt(lambda engine: engine.warm_up(runs))

    def run(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """See `Engine.run`; a frame is repeated on the next engine when the present one fails."""
        result: list[Tensor] = []
        self._attempt(lambda engine: result.append(engine.run(inputs)))
        return result[-1]

    def _attempt(self, action: Callable[[Engine], None]) -> None:
        while True:
            try:
                return action(self._engine)
            except ModelError as error:
                self._engine = self._load_next(error.message)

    def _load_next(self, problem: str) -> Engine:
        while self._factories:
            factory = self._factories.pop(0)
            if problem:
                self._say(
                    Message(
                        "{problem} Falling back to {engine}.", problem=problem, engine=factory.name
                    )
                )
            try:
                engine = factory.load(self._model, self._settings)
                engine.set_constants(self._constants)
                engine.warm_up()
            except ModelError as error:
                problem = error.message
            else:
                logger.info("%s runs on %s", self._model.name, engine.name)
                return engine
        raise ModelError(
            "No engine can run {model}. {problem}", model=self._model.name, problem=problem
        )


def _measured_order(
    factories: Sequence[EngineFactory], model: Path, settings: EngineSettings, say: Say
) -> list[str]:
    found = []
    for factory in factories:
        _, measurement = measure(factory, model, settings)
        if measurement.problem:
            problem = measurement.problem
            say(Message("{problem} {engine} is left out.", problem=problem, engine=factory.name))
        else:
            logger.info("%s: %.2f ms on %s", model.name, measurement.median_ms, factory.name)
            found.append(measurement)
    if not found:
        raise ModelError("No engine can run {model} on this machine.", model=model.name)
    return [one.name for one in sorted(found, key=lambda one: one.median_ms)]


def _choice_file(model: Path, settings: EngineSettings, names: Sequence[str]) -> Path:
    key = cache_key(model, names, settings.threads, settings.half, settings.device_id)
    return settings.cache_folder / f"choice-{key}.json"


def _read_choice(file: Path, names: Sequence[str]) -> list[str] | None:
    try:
        order = json.loads(file.read_text(encoding="utf-8"))["order"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not isinstance(order, list) or not order or not set(order) <= set(names):
        return None
    return order


def _write_choice(file: Path, order: Sequence[str]) -> None:
    unfinished = file.with_suffix(".part")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_text(json.dumps({"order": list(order)}), encoding="utf-8")
        unfinished.replace(file)
    except OSError as error:
        logger.warning("The choice of engine cannot be remembered (%s).", error)
