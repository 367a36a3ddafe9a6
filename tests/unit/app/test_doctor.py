"""What `realtalk doctor` finds."""

from pathlib import Path

import pytest

from app import doctor
from app.doctor import Finding, Health
from core.errors import ModelError
from render.engines import choose, identity
from render.engines.base import Engine, EngineSettings
from render.engines.onnx_engine import ONNX_CPU


class Absent:
    """An engine that is installed and does not start."""

    name = "Absent"

    def available(self, model: Path) -> bool:
        return True

    def load(self, model: Path, settings: EngineSettings) -> Engine:
        raise ModelError("Absent did not start. It needs a driver.")


def engines(monkeypatch: pytest.MonkeyPatch, gpus: str) -> list[Finding]:
    monkeypatch.setattr(choose, "LADDER", (Absent(), ONNX_CPU))
    monkeypatch.setattr(identity, "nvidia_gpus", lambda: gpus)
    monkeypatch.setattr(doctor, "CHECKS", {"engines": doctor.CHECKS["engines"]})
    return list(doctor.examine())


def test_engines_are_measured_or_say_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    absent, cpu = engines(monkeypatch, gpus="")
    assert (absent.health, absent.text) == (
        Health.LIMITED,
        "Absent did not start. It needs a driver.",
    )
    assert cpu.health is Health.GOOD
    assert cpu.text.startswith("CPU: ")
    assert float(cpu.text.split()[1]) > 0.1


def test_an_idle_gpu_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    *_, idle = engines(monkeypatch, gpus="NVIDIA Something, 580.1")
    assert idle.health is Health.LIMITED
    assert "NVIDIA Something" in idle.text
    assert "run.py gpu" in idle.advice
