"""What is compiled at set-up is all that a picture needs."""

import subprocess
import sys

from tests.shared import ROOT

SCRIPT = """
from numba.core.dispatcher import Dispatcher

from app import avatars, compile_loops, parts
from core import raster
from core.presets import Preset
from render.warp import field_kernels, interior_kernels, mesh_kernels, paint_kernels
from tests.motion import speech

def compiled():
    modules = raster, field_kernels, interior_kernels, mesh_kernels, paint_kernels
    return {
        (name, signature)
        for module in modules
        for name, loop in vars(module).items()
        if isinstance(loop, Dispatcher)
        for signature in loop.signatures
    }

compile_loops.main()
before = compiled()
avatar = avatars.enrol_picture(parts.SAMPLE_PORTRAIT)
renderer = parts.warp_renderer(avatar, Preset(name="plain"), (512, 288))
for frame in speech(30):
    renderer.render(frame)
print(len(before), sorted(name for name, _ in compiled() - before))
"""


def test_nothing_is_left_to_compile() -> None:
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    count, _, missing = result.stdout.strip().partition(" ")
    assert int(count) > 20
    assert missing == "[]"
