"""Contact sheets of every test portrait, and whether mouths close and open.

    python -m tests.benchmark.contact_sheet FOLDER [--portraits DIR] [--avatars DIR] [--only NAMES]
        [--neural FILE]

Enrols each portrait (or takes its .avatar file from --avatars) and draws eight visemes and a
blink: whole faces in FOLDER/faces_N.png, mouths and eyes enlarged in FOLDER/mouths_N.png. With a
FIA network, its pictures lie below those of the warp renderer. Prints
for each portrait the share of pixels through which M/B/P and F show the mouth's inside, the area
that "aa" opens, and how much eyeball a blink leaves.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from core.avatar import Avatar
from core.errors import RealTalkError
from core.face_model import FaceModel
from core.portrait.enrol import EnrolTools, enrol_file
from core.portrait.landmarks import LandmarkNetwork
from core.renderer import Renderer
from core.types import ImageArray
from render.engines.base import EngineSettings
from render.engines.onnx_engine import ONNX_CPU
from render.fia.enrolment import FiaCache
from render.fia.model import FiaModel
from render.fia.renderer import FiaRenderer
from render.warp import Framing, WarpRenderer
from render.warp.chart import viseme_frame
from tests.shared import ROOT
from tests.synthetic_avatar import face_model
from weights import store

SHOWN = ("rest", "PP", "FF", "TH", "SS", "aa", "I", "O", "U", "blink")
SIZE = (384, 384)
CLOSE_UP_PX = 220
PORTRAITS_PER_SHEET = 6


def avatars(options: argparse.Namespace) -> Iterator[tuple[str, Avatar]]:
    """Every portrait's avatar."""
    model = face_model()
    mouth = store.FOLDER / "mouth.onnx"
    network = LandmarkNetwork(
        model, store.path("landmarks.onnx"), mouth if mouth.exists() else None
    )
    tools = EnrolTools(model, store.sha256(store.path("face_model.npz")), network.look)
    for picture in sorted(options.portraits.glob("*.jpg")):
        if options.only and picture.stem not in options.only.split(","):
            continue
        try:
            if options.avatars:
                yield picture.stem, Avatar.load(options.avatars / f"{picture.stem}.avatar")
            else:
                yield picture.stem, enrol_file(picture, tools)
        except RealTalkError as error:
            print(f"{picture.stem:<26s} {error}")


def close_up(picture: ImageArray, points: np.ndarray, width: float) -> ImageArray:
    """A square around points, `width` times as wide as they are."""
    middle, half = points.mean(axis=0), width * np.ptp(points[:, 0]) / 2
    low = np.maximum(middle - half, 0).astype(int)
    high = (middle + half).astype(int)
    part = picture[low[1] : high[1], low[0] : high[0]]
    return cv2.resize(part, (CLOSE_UP_PX, CLOSE_UP_PX), interpolation=cv2.INTER_CUBIC)


def marks(avatar: Avatar, model: FaceModel, renderer: WarpRenderer, *groups: str) -> np.ndarray:
    """Landmarks in output pixels, (n, 2)."""
    moved = model.pose(model.shape(avatar.alpha), avatar.beta)
    points = avatar.pose.project(moved)[:, :2] + avatar.offset_px
    chosen = np.concatenate([model.landmarks[group] for group in groups])
    return renderer.view.points(points[chosen].astype(np.float32))


def over(warp: WarpRenderer, avatar: Avatar, decoder: Path) -> FiaRenderer:
    """A FIA network on the CPU over the warp."""
    network = FiaModel.open(decoder)
    engine = ONNX_CPU.load(decoder, EngineSettings())
    cache = FiaCache.compute(avatar, face_model(), network)
    return FiaRenderer(avatar, warp, face_model(), network.config, engine, cache)


def row(name: str, avatar: Avatar, neural: Path | None) -> tuple[ImageArray, ImageArray]:
    """Faces and close-ups of one portrait; prints its line of the table."""
    model = face_model()
    renderer = WarpRenderer(avatar, model, SIZE, Framing(0.62))
    lips = marks(avatar, model, renderer, "lip_outer_upper", "lip_outer_lower")
    eyes = marks(avatar, model, renderer, "eye_left_upper", "eye_right_upper")
    report(name, avatar, renderer)
    rows = [tiles(name, renderer, lips, eyes)]
    if neural is not None:
        rows.append(tiles("network", over(renderer, avatar, neural), lips, eyes))
    faces, details = zip(*rows, strict=True)
    return np.vstack(faces), np.vstack(details)


def tiles(
    name: str, renderer: Renderer, lips: np.ndarray, eyes: np.ndarray
) -> tuple[ImageArray, ImageArray]:
    """One row of whole faces, and one of mouths and eyes enlarged."""
    faces, details = [], []
    for viseme in SHOWN:
        face = renderer.render(viseme_frame(viseme)).rgb.copy()
        detail = close_up(face, *((eyes, 1.4) if viseme == "blink" else (lips, 2.2)))
        for tile in (face, detail):
            text = name if viseme == "rest" else viseme
            cv2.putText(tile, text, (5, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 3)
            cv2.putText(tile, text, (5, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 0), 1)
        faces.append(face)
        details.append(detail)
    return np.hstack(faces), np.hstack(details)


def report(name: str, avatar: Avatar, renderer: WarpRenderer) -> None:
    """Print a portrait's line of the table."""
    per_cm2 = (avatar.pose.scale_px_per_cm * renderer.view.scale) ** 2
    area = {v: float(renderer.layers(viseme_frame(v)).mouth.sum()) for v in ("PP", "FF", "aa")}
    blink = renderer.layers(viseme_frame("blink"))
    eyeball = float(blink.eye_left.sum() + blink.eye_right.sum())
    print(
        f"{name:<26s} {area['PP']:8.2f} px {area['FF'] / per_cm2:8.2f} cm2"
        f" {area['aa'] / per_cm2:8.2f} cm2 {eyeball:8.2f} px",
        flush=True,
    )


def main() -> None:
    """Draw, print, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--portraits", type=Path, default=ROOT.parent / "shared" / "portraits")
    parser.add_argument("--avatars", type=Path)
    parser.add_argument("--neural", type=Path, help="a FIA network, NAME_decoder.onnx")
    parser.add_argument("--only", help="names, separated by commas")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print(f"{'portrait':<26s} {'PP open':>11s} {'FF open':>12s} {'aa open':>12s} {'blink':>11s}")
    pending: list[tuple[ImageArray, ImageArray]] = []
    sheet = 0
    for name, avatar in avatars(options):
        pending.append(row(name, avatar, options.neural))
        if len(pending) == PORTRAITS_PER_SHEET:
            save(options.folder, sheet, pending)
            pending, sheet = [], sheet + 1
    if pending:
        save(options.folder, sheet, pending)


def save(folder: Path, sheet: int, rows: list[tuple[ImageArray, ImageArray]]) -> None:
    """Write one pair of sheets."""
    for kind, index in (("faces", 0), ("mouths", 1)):
        picture = np.vstack([pair[index] for pair in rows])[..., ::-1]
        cv2.imwrite(str(folder / f"{kind}_{sheet}.png"), picture)


if __name__ == "__main__":
    main()
