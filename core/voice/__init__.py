"""From a voice to facial expressions."""

from core.voice.controls import ExpressionControls
from core.voice.gate import GateSettings
from core.voice.model import VoiceModel
from core.voice.stream import ExpressionStream

__all__ = ["ExpressionControls", "ExpressionStream", "GateSettings", "VoiceModel"]
