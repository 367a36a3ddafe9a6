"""From a sound at a real microphone to the changed picture at the camera, split by stage.

`python -m tests.benchmark.live_latency [--seconds 60] [--pipewire]`

A private sound server, a voice that speaks bursts into its microphone, the session with a test
renderer of 10 ms. What the session says of itself stands beside what was seen from outside.
"""

import argparse
import json
import time

import numpy as np
import pytest

from tests.integration.live_rig import LiveRig, pair
from tests.integration.pipewire_server import PipeWireSound

_WARM_UP_S = 5.0


def main() -> None:
    """Print percentiles seen from outside, then the session's own figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pipewire", action="store_true", help="instead of PulseAudio")
    arguments = parser.parse_args()
    server = PipeWireSound() if arguments.pipewire else None
    with pytest.MonkeyPatch.context() as patched, LiveRig(patched, server=server) as rig:
        time.sleep(_WARM_UP_S)
        begun_s = time.monotonic()
        time.sleep(arguments.seconds)
        spoken_s = rig.spoken_s()
        spoken_s = spoken_s[(spoken_s > begun_s) & (spoken_s < time.monotonic() - 0.5)]
        seen_ms = 1000 * pair(rig.seen_s(), spoken_s, 0.4)[:, 1]
        split = rig.session.state().latency
    names = ("p50_ms", "p95_ms", "p99_ms")
    figures = np.percentile(seen_ms, (50, 95, 99)).round(1).tolist()
    print(
        json.dumps(
            {"sounds": len(spoken_s), "seen": len(seen_ms)} | dict(zip(names, figures, strict=True))
        )
    )
    stages = ("capture", "lookahead", "expression", "render", "output", "total_p50")
    print(json.dumps({f"{name}_ms": round(getattr(split, f"{name}_ms"), 1) for name in stages}))


if __name__ == "__main__":
    main()
