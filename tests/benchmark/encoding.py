"""What writing a video costs: python -m tests.benchmark.encoding [--frames N]

Time per frame of `VideoWriter.write` for an avatar's picture (still but for head and mouth), by
file format, speed and encoder threads, with the size of the file and how close it is to the
original. Compare rows of one run only: other programs change all of them.
"""

import argparse
import os
import tempfile
import time
from itertools import product
from pathlib import Path

import av
import cv2
import numpy as np

from render.muxer import Encoding
from render.video_writer import VideoWriter

FRAME_RATE_HZ = 25


def frames(size, count):
    """A portrait-like picture whose head sways and whose mouth speaks."""
    width, height = size
    rng = np.random.default_rng(0)
    texture = rng.normal(0, 12, (height // 4, width // 4, 3)).astype(np.float32)
    texture = cv2.GaussianBlur(cv2.resize(texture, size), (0, 0), 1.2)
    y, x = np.mgrid[:height, :width] / height
    head = np.exp(-(((x - width / height / 2) / 0.22) ** 2 + ((y - 0.45) / 0.3) ** 2) * 2)[
        ..., None
    ]
    base = np.clip(60 + head * (150, 110, 90) + texture, 0, 255).astype(np.uint8)
    for i in range(count):
        shift = np.float32([[1, 0, 2 * np.sin(i / 17)], [0, 1, 1.5 * np.sin(i / 23)]])
        rgb = cv2.warpAffine(base, shift, size, borderMode=cv2.BORDER_REFLECT)
        opening = int(height * 0.02 * (1 + np.sin(i * 0.9))) + 1
        centre = (width // 2, int(height * 0.62))
        cv2.ellipse(rgb, centre, (height // 14, opening), 0, 0, 360, (60, 20, 25), -1)
        yield rgb


def measure(size, ending, encoding, pictures):
    """Milliseconds a frame by the clock and by the processor, kbit/s, and PSNR in dB."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"o.{ending}"
        wall, busy = time.perf_counter(), time.process_time()
        with VideoWriter(path, size, FRAME_RATE_HZ, encoding=encoding) as writer:
            for rgb in pictures:
                writer.write(rgb)
        wall, busy = time.perf_counter() - wall, time.process_time() - busy
        with av.open(str(path)) as container:
            decoded = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
        psnr = np.mean([cv2.PSNR(a, b) for a, b in zip(decoded, pictures, strict=True)])
        rate = path.stat().st_size * 8 / 1000 / (len(pictures) / FRAME_RATE_HZ)
    return 1000 * wall / len(pictures), 1000 * busy / len(pictures), rate, psnr


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=100)
    count = parser.parse_args().frames
    cv2.setNumThreads(1)
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    print("size       file  speed     threads  ms/frame  cpu ms/frame  kbit/s  PSNR")
    for size in ((512, 512), (1280, 720)):
        pictures = list(frames(size, count))
        for ending, speed, threads in product(
            ("mp4", "webm"), ("fast", "balanced", "small"), (1, 0)
        ):
            encoding = Encoding(speed=speed, threads=threads)
            wall, busy, rate, psnr = measure(size, ending, encoding, pictures)
            print(
                f"{size[0]:4}x{size[1]:<4}  {ending:5} {speed:9} {threads or 'auto':>7}  "
                f"{wall:8.1f}  {busy:12.1f}  {rate:6.0f}  {psnr:4.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
