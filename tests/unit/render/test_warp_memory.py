"""The warp renderer draws into memory that it keeps."""

import tracemalloc

from render.warp import WarpRenderer
from tests.motion import speech
from tests.synthetic_avatar import face_model, synthetic_avatar

LARGEST_BYTES = 24 * 1024
"""Of all that a frame needs at once beside that memory; the picture alone has 300 KB."""


def test_a_frame_allocates_nothing_of_the_pictures_size() -> None:
    renderer = WarpRenderer(synthetic_avatar(), face_model(), (320, 320))
    frames = speech(40)
    for frame in frames:
        renderer.render(frame)
    tracemalloc.start()
    try:
        peaks, start = [], tracemalloc.get_traced_memory()[0]
        for frame in frames:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            renderer.render(frame)
            peaks.append(tracemalloc.get_traced_memory()[1] - before)
        grown = tracemalloc.get_traced_memory()[0] - start
    finally:
        tracemalloc.stop()
    assert max(peaks) < LARGEST_BYTES
    assert grown < LARGEST_BYTES
