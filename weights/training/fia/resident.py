"""Clips in the memory of the device that trains: batches are drawn there, by index alone.

Shape legend: N people, P people of a batch, F frames of each, S picture side. Pictures wait as
uint8, [0, 255]; a batch is float32, [0, 1].
"""

import dataclasses
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from core.errors import MediaError
from render.fia.clips import Clip, clip_files
from render.fia.config import FiaConfig
from render.fia.mask import naive_mask

VARIED_GUIDES = 0.3
"""Share of the training pictures whose guide is made better than the renderer's."""
GAIN, CHANNEL_GAIN, GAMMA = (0.75, 1.25), (0.92, 1.08), (0.8, 1.25)
"""Ranges of the random colours of a person."""
PICTURE_ROWS = 4096
"""Frames that memory is reserved for at a time (0.8 GB at 160 px)."""
PORTRAIT_ROWS = 1024
WAITING_CLIPS = 256
TAKE_IN_EVERY_S = 2.0
"""Clips that have arrived are taken in together: each upload interrupts the device's work."""
PATIENCE_S = 300.0


class ResidentClips:
    """The clips of a folder, drawn from on the device.

    Threads: one loads files while the folder grows; all methods belong to the caller's.
    """

    def __init__(
        self, folder: Path, config: FiaConfig, device: torch.device, growing: int = 0
    ) -> None:
        """Load the folder.

        Args:
            folder: Of clips.
            config: Of the network; says which masks it wants.
            device: Where the clips are kept.
            growing: 0: the clips that are there now, in the order of their names. Otherwise return
                as soon as this many are there, and take in later ones in `draw`.

        Raises:
            MediaError: There are none, or one cannot be read.
        """
        self._device = device
        self._first: list[int] = []
        self._counts: list[int] = []
        self._alpha, self._portraits = (_Rows(PORTRAIT_ROWS, device) for _ in range(2))
        self._coefficients, self._pictures = (_Rows(PICTURE_ROWS, device) for _ in range(2))
        self._newcomers: _Newcomers | None = None
        self._next_look = 0.0
        if growing:
            self._newcomers = _Newcomers(folder, config)
            self._wait_for(growing)
        else:
            for path in clip_files(folder):
                self._append(pack(masked(Clip.load(path), config)))

    def __len__(self) -> int:
        """Number of people."""
        return len(self._counts)

    def draw(
        self, rng: np.random.Generator, people: int, frames: int, colours: bool
    ) -> dict[str, Tensor]:
        """A batch; what it is depends on `rng` and on the clips that are there.

        Some guides are moved part of the way to the truth: renderers improve, and must be left
        alone.

        Args:
            rng: Draws everything.
            people: P, with repetition.
            frames: F of each, without repetition where there are enough.
            colours: Give each person random gains and gamma, the same for all their pictures.

        Returns:
            As `unpack`.

        Raises:
            MediaError: A clip that has arrived cannot be read.
        """
        if self._newcomers is not None and time.monotonic() > self._next_look:
            self._take_in(self._newcomers)
        chosen = rng.choice(len(self), people, replace=True)
        rows, shares = [], []
        for person in chosen:
            count = self._counts[person]
            rows.append(self._first[person] + rng.choice(count, frames, replace=count < frames))
            shares.append(rng.uniform(0, 1, frames) * (rng.random(frames) < VARIED_GUIDES))
        picked = np.concatenate(rows)
        packed = Packed(
            alpha=self._alpha.take(chosen),
            portraits=self._portraits.take(chosen),
            coefficients=self._coefficients.take(picked),
            pictures=self._pictures.take(picked),
        )
        towards_truth = _upload(np.concatenate(shares).astype(np.float32), self._device)
        tint = _upload(draw_colours(rng, people), self._device) if colours else None
        return unpack(packed, towards_truth, tint)

    def close(self) -> None:
        """Look for no more clips. Can be called twice."""
        if self._newcomers is not None:
            self._newcomers.close()

    def _wait_for(self, count: int) -> None:
        assert self._newcomers is not None
        until = time.monotonic() + PATIENCE_S
        while len(self) < count and time.monotonic() < until:
            self._take_in(self._newcomers)
            time.sleep(0.02)
        if not len(self):
            self.close()
            raise MediaError(f"No clips came to {self._newcomers.folder} in {PATIENCE_S:.0f} s.")

    def _take_in(self, newcomers: "_Newcomers") -> None:
        for packed in newcomers.arrived():
            self._append(packed)
        self._next_look = time.monotonic() + TAKE_IN_EVERY_S

    def _append(self, clip: "Packed") -> None:
        self._first.append(len(self._pictures))
        self._counts.append(len(clip.pictures))
        for rows, values in (
            (self._alpha, clip.alpha),
            (self._portraits, clip.portraits),
            (self._coefficients, clip.coefficients),
            (self._pictures, clip.pictures),
        ):
            rows.append(values)


@dataclass(frozen=True, eq=False, kw_only=True)
class Packed:
    """Some people with some frames each, as they wait.

    Attributes:
        alpha: (P, K) float32.
        portraits: Reference and widest mask, (P, 4, S, S) uint8.
        coefficients: Beta and rho, (P * F, 52 + 6) float32.
        pictures: Base, target, mask and teeth, (P * F, 8, S, S) uint8, people in blocks.
    """

    alpha: Tensor
    portraits: Tensor
    coefficients: Tensor
    pictures: Tensor


def masked(clip: Clip, config: FiaConfig) -> Clip:
    """The clip with the masks that a network wants: clips come with those that follow the jaw."""
    if config.mask == "learned":
        return clip
    kept = np.rint(naive_mask(config) * 255).astype(np.uint8)
    return dataclasses.replace(clip, widest=kept, mask=np.stack([kept] * len(clip)))


def pack(clip: Clip) -> Packed:
    """One person with all frames, on the CPU."""
    portrait = np.dstack([clip.reference, clip.widest])[None]
    layers = (clip.base, clip.target, clip.mask[..., None], clip.teeth[..., None])
    pictures = np.concatenate(layers, axis=3)
    return Packed(
        alpha=torch.from_numpy(np.asarray(clip.alpha[None], np.float32)),
        portraits=torch.from_numpy(np.ascontiguousarray(portrait.transpose(0, 3, 1, 2))),
        coefficients=torch.from_numpy(np.hstack([clip.beta, clip.rho]).astype(np.float32)),
        pictures=torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))),
    )


def unpack(
    packed: Packed, towards_truth: Tensor | None = None, colours: Tensor | None = None
) -> dict[str, Tensor]:
    """What the network takes and what it shall paint.

    Args:
        packed: On any device.
        towards_truth: How far each guide is moved to the truth, (P * F,), [0, 1].
        colours: Gain of red, green and blue and gamma of each person, (P, 4).

    Returns:
        On the same device, float32, pictures channels last: `source`, `reference`, `widest` and
        `alpha` for each of P people; `beta`, `rho`, `base`, `mask`, `target` and `teeth` for each
        of P * F pictures, people in blocks.
    """
    reference, widest = _split(packed.portraits, (3, 1))
    base, target, mask, teeth = _split(packed.pictures, (3, 3, 1, 1))
    if towards_truth is not None:
        base = base + towards_truth[:, None, None, None] * (target - base)
    if colours is not None:
        each = colours.repeat_interleave(len(base) // len(reference), dim=0)
        reference = _tint(reference, colours)
        base, target = _tint(base, each), _tint(target, each)
    return {
        "source": masked_source(reference, widest),
        "reference": reference,
        "widest": widest,
        "alpha": packed.alpha,
        "beta": packed.coefficients[:, :-6],
        "rho": packed.coefficients[:, -6:],
        "base": base,
        "target": target,
        "mask": mask,
        "teeth": teeth,
    }


def masked_source(reference: Tensor, widest: Tensor) -> Tensor:
    """What the encoder sees of a portrait: (P, 3, S, S) without what may be repainted, in levels.

    Args:
        reference: (P, 3, S, S), [0, 1].
        widest: The widest mask, (P, 1, S, S), 1 keeps.
    """
    return torch.round(reference * 255 * widest) / 255


def resting(batch: dict[str, Tensor], chosen: np.ndarray) -> dict[str, Tensor]:
    """The batch with the portrait itself, at rest, as guide and truth of some pictures.

    Without an expression the warp's picture is the portrait, and nothing may be changed.

    Args:
        batch: As `unpack` gives it.
        chosen: Which of the P * F pictures.
    """
    device = batch["beta"].device
    rows = torch.from_numpy(chosen.reshape(-1, 1)).to(device)
    portraits = batch["reference"].repeat_interleave(len(rows) // len(batch["reference"]), dim=0)
    pictures = {
        name: torch.where(rows[..., None, None], portraits, batch[name])
        for name in ("base", "target")
    }
    return batch | pictures | {"beta": batch["beta"] * ~rows}


def draw_colours(rng: np.random.Generator, people: int) -> np.ndarray:
    """Random colours of some people: gain of red, green and blue and gamma, (P, 4) float32."""
    gains = rng.uniform(*GAIN, (people, 1)) * rng.uniform(*CHANNEL_GAIN, (people, 3))
    return np.hstack([gains, rng.uniform(*GAMMA, (people, 1))]).astype(np.float32)


def _tint(pictures: Tensor, colours: Tensor) -> Tensor:
    """Pictures (B, 3, S, S) with gains and gamma (B, 4); black stays black."""
    gains, gamma = colours[:, :3, None, None], colours[:, 3:, None, None]
    return (pictures * gains).clamp(0, 1) ** gamma


def _split(levels: Tensor, channels: tuple[int, ...]) -> list[Tensor]:
    """(B, C, S, S) uint8 to one float picture [0, 1] for each group of channels."""
    return [
        part.to(torch.float32, memory_format=torch.channels_last) / 255
        for part in torch.split(levels, channels, dim=1)
    ]


def _upload(values: np.ndarray, device: torch.device) -> Tensor:
    """Small arrays are copied while they are handed over, so that nobody waits for the device."""
    return torch.from_numpy(values).to(device, non_blocking=True)


class _Rows:
    """Rows of one shape on a device; they are appended to without ever being copied."""

    def __init__(self, rows_a_chunk: int, device: torch.device) -> None:
        self._size, self._device = rows_a_chunk, device
        self._chunks: list[Tensor] = []
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def append(self, values: Tensor) -> None:
        """Add rows (R, ...) from the CPU."""
        while len(values):
            within = self._used % self._size
            if not within:
                shape = (self._size, *values.shape[1:])
                self._chunks.append(torch.empty(shape, dtype=values.dtype, device=self._device))
            part = values[: self._size - within]
            self._chunks[-1][within : within + len(part)].copy_(part)
            self._used += len(part)
            values = values[len(part) :]

    def take(self, rows: np.ndarray) -> Tensor:
        """The rows of these numbers (R,), in this order."""
        which, within = np.divmod(rows, self._size)
        order = np.argsort(which, kind="stable")
        wanted = _upload(within[order], self._device)
        counts = np.bincount(which, minlength=len(self._chunks)).tolist()
        parts = [
            chunk.index_select(0, part)
            for chunk, part in zip(self._chunks, torch.split(wanted, counts), strict=True)
            if len(part)
        ]
        if len(parts) == 1:
            return parts[0]
        return torch.cat(parts).index_select(0, _upload(np.argsort(order), self._device))


class _Newcomers:
    """Loads the clips of a folder as they appear, on a thread of its own."""

    def __init__(self, folder: Path, config: FiaConfig) -> None:
        self.folder, self._config = folder, config
        self._arrived: queue.Queue[Packed | MediaError] = queue.Queue(WAITING_CLIPS)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clips", daemon=True)
        self._thread.start()

    def arrived(self) -> Iterator[Packed]:
        """What is loaded and was not handed over yet."""
        for _ in range(self._arrived.qsize()):
            one = self._arrived.get()
            if isinstance(one, MediaError):
                raise one
            yield one

    def close(self) -> None:
        """Stop the thread, dropping what nobody took."""
        self._closed.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        seen: set[Path] = set()
        while not self._closed.is_set():
            for path in sorted(set(self.folder.glob("*.npz")) - seen):
                seen.add(path)
                self._put(self._load(path))
                if self._closed.is_set():
                    return
            self._closed.wait(0.5)

    def _load(self, path: Path) -> Packed | MediaError:
        try:
            return pack(masked(Clip.load(path), self._config))
        except MediaError as error:
            return error

    def _put(self, one: Packed | MediaError) -> None:
        while not self._closed.is_set():
            try:
                self._arrived.put(one, timeout=0.2)
                return
            except queue.Full:
                continue
