"""Log-mel features of a sound stream, one hop at a time."""

import numpy as np
from numpy.typing import NDArray

from core.types import HOP_SAMPLES, SAMPLE_RATE_HZ, FloatArray

NUM_BANDS = 40
STEP_SAMPLES = 160
"""One spectrum each 10 ms."""
WINDOW_SAMPLES = 400
TOKEN_SAMPLES = 320
"""One token (two spectra) each 20 ms: the 50 Hz rate of the speech encoders."""
TOKEN_SIZE = 2 * NUM_BANDS
_FFT_SIZE = 512
_LOWEST_HZ, _HIGHEST_HZ = 80.0, 7600.0
_FLOOR = 1e-6
_SHIFT, _SCALE = 6.0, 4.0
HISTORY_SAMPLES = WINDOW_SAMPLES - STEP_SAMPLES


def mel_matrix() -> FloatArray:
    """Triangular filters, shape (_FFT_SIZE // 2 + 1, NUM_BANDS); each column sums to 1."""
    top = 2595 * np.log10(1 + np.array([_LOWEST_HZ, _HIGHEST_HZ]) / 700)
    points = 700 * (10 ** (np.linspace(top[0], top[1], NUM_BANDS + 2) / 2595) - 1)
    bins = np.linspace(0, SAMPLE_RATE_HZ / 2, _FFT_SIZE // 2 + 1)[:, None]
    rising = (bins - points[:-2]) / (points[1:-1] - points[:-2])
    falling = (points[2:] - bins) / (points[2:] - points[1:-1])
    matrix = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(matrix / matrix.sum(0), np.float32)


_MATRIX = mel_matrix()
_WINDOW = np.hanning(WINDOW_SAMPLES + 1)[:-1].astype(np.float32)


def log_mel(samples: NDArray[np.float32]) -> FloatArray:
    """Features of samples that begin with `HISTORY_SAMPLES` of the past.

    Args:
        samples: Shape (HISTORY_SAMPLES + T * TOKEN_SAMPLES,), float32, range [-1, 1].

    Returns:
        Shape (T, TOKEN_SIZE), float32: the two spectra that end 10 and 20 ms into each token,
        scaled to about [-2, 3].
    """
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW_SAMPLES)[::STEP_SAMPLES]
    spectrum = np.fft.rfft(frames * _WINDOW, _FFT_SIZE)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    scaled = (np.log(power @ _MATRIX + np.float32(_FLOOR)) + np.float32(_SHIFT)) / np.float32(
        _SCALE
    )
    return np.asarray(scaled.reshape(-1, TOKEN_SIZE), np.float32)


class LogMelStream:
    """Features of one hop after another, remembering the little past a window reaches into."""

    def __init__(self) -> None:
        self._buffer = np.zeros(HISTORY_SAMPLES + HOP_SAMPLES, np.float32)

    def push(self, hop: FloatArray) -> FloatArray:
        """Features of the next hop.

        Args:
            hop: Shape (HOP_SAMPLES,), float32.

        Returns:
            Shape (HOP_SAMPLES // TOKEN_SAMPLES, TOKEN_SIZE), float32.
        """
        self._buffer[:HISTORY_SAMPLES] = self._buffer[-HISTORY_SAMPLES:]
        self._buffer[HISTORY_SAMPLES:] = hop
        return log_mel(self._buffer)


class SoundStream:
    """Hops as they are, for networks that hear the waveform."""

    def push(self, hop: FloatArray) -> FloatArray:
        """The next hop, shape (HOP_SAMPLES,), float32."""
        return hop
