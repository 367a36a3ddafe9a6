"""What networks do to the test portraits, where nobody knows the true picture but at rest.

    python -m tests.benchmark.fia_portraits DECODER [DECODER ...] [--portraits DIR] [--avatars DIR]

Pictures of `tests.benchmark.contact_sheet`. At rest the warp's picture is the portrait itself, so
that every change there is wrong (`FiaRenderer` allows a guided network none). With moved lips a
change is wanted, and what tells a fault is a large broad one: a glow, a veil. Levels of 0 to 255,
lightening (+) and darkening (-) after a blur of an eighth of the mouth's width; the mean of all
portraits, the largest, and the portraits with the largest.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from core.avatar import Avatar
from core.types import FloatArray
from render.warp import Framing, WarpRenderer
from render.warp.chart import viseme_frame
from tests.benchmark.contact_sheet import SIZE, avatars, marks, over
from tests.shared import ROOT
from tests.synthetic_avatar import face_model

VISEMES = ("rest", "PP", "FF", "SS", "aa", "O", "U")


def changes(warp: WarpRenderer, avatar: Avatar, decoder: Path) -> dict[str, FloatArray]:
    """What a network changes for each viseme, (H, W, 3) levels."""
    network = over(warp, avatar, decoder)
    return {
        viseme: network.render(viseme_frame(viseme)).rgb.astype(np.float32)
        - warp.render(viseme_frame(viseme)).rgb
        for viseme in VISEMES
    }


def broad(change: FloatArray, width: float) -> FloatArray:
    """Lightness change without what is finer than an eighth of the mouth, (H, W)."""
    return cv2.GaussianBlur(change.mean(axis=2), (0, 0), width / 8)


def row(avatar: Avatar, decoder: Path) -> dict[str, float]:
    """Figures of one portrait: the largest broad lightening and darkening of each viseme."""
    warp = WarpRenderer(avatar, face_model(), SIZE, Framing(0.62))
    lips = marks(avatar, face_model(), warp, "lip_outer_upper", "lip_outer_lower")
    figures = {}
    for viseme, change in changes(warp, avatar, decoder).items():
        smooth = broad(change, float(np.ptp(lips[:, 0])))
        figures[f"{viseme} +"] = float(smooth.max())
        figures[f"{viseme} -"] = float(-smooth.min())
    return figures


def main() -> None:
    """Print one table for each network."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("decoders", type=Path, nargs="+", metavar="DECODER")
    parser.add_argument("--portraits", type=Path, default=ROOT.parent / "shared" / "portraits")
    parser.add_argument("--avatars", type=Path, help="folder of .avatar files")
    parser.add_argument("--only", help="names, separated by commas")
    options = parser.parse_args()
    people = list(avatars(options))
    for decoder in options.decoders:
        rows = {name: row(avatar, decoder) for name, avatar in people}
        names = list(next(iter(rows.values())))
        print(f"{decoder}\n{'':<26s}" + "".join(f"{name:>7s}" for name in names))
        for label, pick in (("mean", np.mean), ("worst", np.max)):
            values = [pick([one[name] for one in rows.values()]) for name in names]
            print(f"{label:<26s}" + "".join(f"{value:7.1f}" for value in values))
        for person in sorted(rows, key=lambda one: -max(rows[one].values()))[:6]:
            print(f"{person:<26s}" + "".join(f"{rows[person][n]:7.1f}" for n in names), flush=True)


if __name__ == "__main__":
    main()
