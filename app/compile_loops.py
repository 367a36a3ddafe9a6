"""Compiles the loops of enrolment and renderer ahead of their first use.

    python -m app.compile_loops

numba keeps what it compiles beside the sources; otherwise the first picture waits for it.
"""

import numpy as np

from app import avatars, parts
from core.types import ExpressionFrame
from render.background import Background
from render.warp import WarpRenderer
from render.warp.chart import beta_of

SIZE = (256, 256)


def main() -> None:
    """Enrol the sample portrait and draw a frame of it with everything that moves."""
    avatar = avatars.enrol_picture(parts.SAMPLE_PORTRAIT)
    pose = np.array([2.0, 3.0, 1.0, 0.0, 0.0, 0.0], np.float32)
    beta = beta_of({"jawOpen": 0.4, "mouthSmile": 0.9, "eyeBlink": 0.5, "eyeLookUp": 0.3})
    frame = ExpressionFrame(0, beta, pose, True, breath=0.5)
    for background in (Background(), Background("blur")):
        WarpRenderer(avatar, parts.face_model(), SIZE, background=background).render(frame)


if __name__ == "__main__":
    main()
