"""Sound against picture over a long run, with a microphone whose clock is off.

`python -m tests.benchmark.live_sync --minutes 10 --skew-ppm 100 [--pipewire]`
"""

import argparse
import json
import time

import numpy as np
import pytest

from tests.integration.live_rig import LiveRig, SkewedSound, pair
from tests.integration.pipewire_server import PipeWireSound

_EARLY_S, _LATE_S = -0.015, 0.045
"""What nobody notices: sound 15 ms before to 45 ms after the picture."""


def main() -> None:
    """Run, print one line a minute, then the slope."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--skew-ppm", type=float, default=100.0)
    parser.add_argument("--pipewire", action="store_true", help="instead of PulseAudio")
    args = parser.parse_args()
    SkewedSound.skew = args.skew_ppm * 1e-6
    monkeypatch = pytest.MonkeyPatch()
    server = PipeWireSound() if args.pipewire else None
    with monkeypatch.context() as patched, LiveRig(patched, SkewedSound, server=server) as rig:
        time.sleep(3.0)
        begun_s = time.monotonic()
        while time.monotonic() < begun_s + 60 * args.minutes:
            time.sleep(min(60.0, 60 * args.minutes))
            print(json.dumps(_minute(rig, begun_s)), flush=True)
        rows = pair(rig.heard_s(), rig.seen_s())
        rows = rows[rows[:, 0] > begun_s]
        slope = float(np.polyfit(rows[:, 0], rows[:, 1], 1)[0])
        late_ms = 1000 * rows[:, 1]
        _explain(rig, rows)
        print(
            json.dumps(
                {
                    "events": len(rows),
                    "slope_ppm": round(1e6 * slope, 2),
                    "mean_ms": round(float(late_ms.mean()), 1),
                    "min_ms": round(float(late_ms.min()), 1),
                    "max_ms": round(float(late_ms.max()), 1),
                    "outside_-15_45": int(((rows[:, 1] < _EARLY_S) | (rows[:, 1] > _LATE_S)).sum()),
                }
            )
        )


def _explain(rig: LiveRig, rows: np.ndarray) -> None:
    """For each event outside: which of both was not where it usually is, against the speaker."""
    spoken_s = rig.spoken_s()
    sound, picture = pair(rig.heard_s(), spoken_s, 0.6), pair(rig.seen_s(), spoken_s, 0.6)
    usual_ms = [1000 * float(np.median(lag[:, 1])) for lag in (sound, picture)]
    for at_s, late_s in rows[(rows[:, 1] < _EARLY_S) | (rows[:, 1] > _LATE_S)]:
        cause_s = spoken_s[spoken_s < at_s][-1] if (spoken_s < at_s).any() else at_s
        off_ms = [
            [round(1000 * lag - usual) for time_s, lag in found if time_s == cause_s]
            for found, usual in zip((sound, picture), usual_ms, strict=True)
        ]
        print(
            json.dumps(
                {
                    "outside_at_s": round(at_s - rows[0, 0], 1),
                    "late_ms": round(1000 * late_s, 1),
                    "sound_off_ms": off_ms[0],
                    "picture_off_ms": off_ms[1],
                }
            )
        )


def _minute(rig: LiveRig, begun_s: float) -> dict[str, float]:
    """Offset of the last minute, + when the sound is later than the picture."""
    rows = pair(rig.heard_s(), rig.seen_s())
    recent = 1000 * rows[rows[:, 0] > time.monotonic() - 60, 1]
    state = rig.session.state()
    return {
        "minute": round((time.monotonic() - begun_s) / 60),
        "events": len(recent),
        "mean_ms": round(float(recent.mean()), 1),
        "min_ms": round(float(recent.min()), 1),
        "max_ms": round(float(recent.max()), 1),
        "delay_ms": round(state.delay_ms or 0.0, 1),
        "dropped": state.dropped_frames,
    }


if __name__ == "__main__":
    main()
