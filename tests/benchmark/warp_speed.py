"""How long the warp renderer takes for a frame, part by part, beside a yardstick of the machine.

    python -m tests.benchmark.warp_speed [--frames 200] [--runs 3]

One thread, speech-like motion with life (turns, blinks, gaze, breath). Times are process times,
so that other work on the machine disturbs them less; the yardstick, one 3 x 3 convolution of
1 GMAC in ONNX Runtime, runs between the runs.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from core.avatar import Avatar
from core.camera import HeadPose
from core.types import ExpressionFrame
from render.warp import Framing, WarpRenderer
from tests.motion import speech
from tests.synthetic_avatar import face_model, synthetic_avatar

PARTS = {
    "_open_face": "face (coarse map)",
    "_warp_eyes": "lids (detail map)",
    "_warp_mouth": "lips (detail map)",
    "_finish_skin": "fetching the picture",
    "_paste_eyes": "eyes",
    "_paste_mouth": "mouth's inside",
}
SIZES = {"512 x 512, face 256": (512, 512), "1280 x 720, face 360": (1280, 720)}


def yardstick() -> Callable[[], None]:
    """One 3 x 3 convolution of 1 GMAC: 64 -> 64 channels at 168 x 168."""
    weights = np.random.default_rng(0).normal(size=(64, 64, 3, 3)).astype(np.float32)
    shape = [1, 64, 168, 168]
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])],
        "yardstick",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    x = np.zeros(shape, np.float32)
    return lambda: session.run(None, {"x": x}) and None


def wide_avatar(width: int, height: int) -> Avatar:
    """The synthetic person in a picture of the output's shape, face half its height."""
    avatar = synthetic_avatar(height)
    side = (width - height) // 2
    moved = np.asarray(avatar.pose.translation_px) + np.array([side, 0.0])
    pad = (0, 0, side, width - height - side, cv2.BORDER_REPLICATE)
    assert avatar.person_mask is not None
    return replace(
        avatar,
        image_rgb=np.ascontiguousarray(cv2.copyMakeBorder(avatar.image_rgb, *pad)),
        person_mask=cv2.copyMakeBorder(avatar.person_mask, *pad),
        pose=HeadPose(avatar.pose.scale_px_per_cm, avatar.pose.rotation, moved),
    )


def measure(
    renderer: WarpRenderer, frames: list[ExpressionFrame]
) -> tuple[NDArray[np.float64], dict[str, float]]:
    """Milliseconds of every frame, and mean milliseconds of every part."""
    spent = dict.fromkeys(PARTS, 0.0)
    for name in PARTS:
        _time_method(renderer, name, spent)
    times = []
    for frame in frames:
        start = time.process_time()
        renderer.render(frame)
        times.append(1e3 * (time.process_time() - start))
    return np.array(times), {name: 1e3 * s / len(frames) for name, s in spent.items()}


def _time_method(renderer: WarpRenderer, name: str, spent: dict[str, float]) -> None:
    method = getattr(renderer, name)

    def timed(*args: object) -> object:
        start = time.process_time()
        result = method(*args)
        spent[name] += time.process_time() - start
        return result

    setattr(renderer, name, timed)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    frames = speech(options.frames)
    convolve = yardstick()
    for title, size in SIZES.items():
        avatar = wide_avatar(*size)
        medians, sticks = [], []
        for _ in range(options.runs):
            renderer = WarpRenderer(avatar, face_model(), size, Framing(0.5))
            for frame in frames[:10]:
                renderer.render(frame)
            times, parts = measure(renderer, frames)
            medians.append(float(np.median(times)))
            stick = []
            for _ in range(8):
                start = time.process_time()
                convolve()
                stick.append(1e3 * (time.process_time() - start))
            sticks.append(float(np.median(stick)))
        total = float(times.mean())
        print(
            f"{title}: median of runs {np.median(medians):.2f} ms (runs {_list(medians)}), "
            f"95% {np.percentile(times, 95):.2f} ms; yardstick {_list(sticks)} ms"
        )
        for name, spent in parts.items():
            print(f"  {spent:6.2f} ms {100 * spent / total:4.0f}%  {PARTS[name]}")
        rest = total - sum(parts.values())
        print(f"  {rest:6.2f} ms {100 * rest / total:4.0f}%  expression, lips and lids")


def _list(values: list[float]) -> str:
    return ", ".join(f"{v:.1f}" for v in values)


if __name__ == "__main__":
    main()
