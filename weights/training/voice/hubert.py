"""The `hubert` encoder: HubertModel of transformers, small and ours, or a published checkpoint.

    python -m weights.training.voice.hubert pretrain --corpus DIR --out DIR --minutes 600
    python -m weights.training.voice.hubert supervise --corpus DIR --start DIR --out DIR

Pretraining is masked prediction (Hsu et al. 2021): spans of frames are hidden, and the network
says which cluster of log-mel spectra lies under them. Then it is supervised like the `mel` network.
Use a GPU: on one processor core this learns little in an hour.

Shape legend: B batch, S samples, T frames (50 Hz), D hidden size, K clusters.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import HubertConfig, HubertModel

from core.types import HOP_SAMPLES, SAMPLE_RATE_HZ
from weights.training.voice import augment, features
from weights.training.voice.coarticulation import CHANNELS

FRAME_SAMPLES = 320
RECEPTIVE_SAMPLES = 400
"""Samples that the convolutions of every HuBERT see for one frame."""
CLUSTERS = 100
_IGNORED = -100


def small_config() -> HubertConfig:
    """Four layers of width 256 and slim convolutions: 0.64 s cost 4 ms on one core."""
    return HubertConfig(
        hidden_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=1024,
        conv_dim=(32, 64, 64, 96, 128, 128, 128),
        num_conv_pos_embeddings=32,
        num_conv_pos_embedding_groups=16,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        mask_time_length=5,
        mask_time_prob=0.5,
        attn_implementation="eager",
    )


def tiny_config() -> HubertConfig:
    """A network for tests."""
    return HubertConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=2,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        mask_time_length=2,
        attn_implementation="eager",
    )


def load(name_or_folder: str | Path, device: str = "cpu") -> HubertModel:
    """A pretrained HuBERT in evaluation mode.

    Args:
        name_or_folder: A folder with a checkpoint, or a published name such as
            "facebook/hubert-base-ls960" or "facebook/hubert-large-ls960-ft".
        device: Where it runs.
    """
    return HubertModel.from_pretrained(str(name_or_folder)).eval().to(device)


class HubertStream:
    """Features of a stream: a window of the past is encoded again each hop.

    A feature comes out `lookahead_frames` after its sound. Every hop is encoded from a window of
    the same length, so the features do not depend on how the sound is cut.
    """

    def __init__(
        self, model: HubertModel, window_frames: int = 32, lookahead_frames: int = 4
    ) -> None:
        """Start at silence.

        Args:
            model: From `load`.
            window_frames: Frames encoded at once, the lookahead included.
            lookahead_frames: Frames after a feature that it has heard.
        """
        self._model = model
        self._lookahead = lookahead_frames
        samples = window_frames * FRAME_SAMPLES + RECEPTIVE_SAMPLES - FRAME_SAMPLES
        self._ring = np.zeros(samples, np.float32)
        self._normalise = model.config.feat_extract_norm == "layer"
        self._pending = np.zeros(0, np.float32)

    @torch.no_grad()
    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Features (T, D) of the hops that `samples` completes, two a hop."""
        self._pending = np.concatenate([self._pending, samples])
        out = [np.zeros((0, self._model.config.hidden_size), np.float32)]
        while len(self._pending) >= HOP_SAMPLES:
            hop, self._pending = np.split(self._pending, [HOP_SAMPLES])
            self._ring = np.concatenate([self._ring[HOP_SAMPLES:], hop])
            heard = torch.from_numpy(self._ring)[None].to(self._model.device)
            if self._normalise:
                heard = F.layer_norm(heard, heard.shape)
            hidden = self._model(heard).last_hidden_state[0].float().cpu().numpy()
            end = len(hidden) - self._lookahead
            out.append(hidden[end - HOP_SAMPLES // FRAME_SAMPLES : end])
        return np.concatenate(out)


class MaskedPrediction(nn.Module):
    """HuBERT with a cluster classifier on top."""

    def __init__(self, config: HubertConfig, clusters: int = CLUSTERS) -> None:
        super().__init__()
        self.encoder = HubertModel(config)
        self.classify = nn.Linear(config.hidden_size, clusters)

    def forward(self, sound: Tensor, clusters: Tensor, mask: Tensor) -> Tensor:
        """Cross-entropy at the hidden frames: sound (B, S), clusters (B, T), mask (B, T) bool."""
        hidden = self.encoder(sound, mask_time_indices=mask).last_hidden_state  # (B, T, D)
        targets = clusters.masked_fill(~mask, _IGNORED)
        return F.cross_entropy(self.classify(hidden).flatten(0, 1), targets.flatten())


class Supervised(nn.Module):
    """HuBERT with a movement head."""

    def __init__(self, encoder: HubertModel) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(encoder.config.hidden_size, len(CHANNELS))

    def forward(self, sound: Tensor) -> Tensor:
        """Movements (B, T, C) of sound (B, S)."""
        return self.head(self.encoder(sound).last_hidden_state)


def span_mask(
    batch: int, frames: int, share: float, length: int, rng: np.random.Generator
) -> Tensor:
    """Which frames are hidden, (B, T) bool: spans that cover about `share` of them."""
    mask = np.zeros((batch, frames), bool)
    spans = max(1, round(share * frames / length))
    for row in mask:
        for start in rng.integers(0, max(1, frames - length + 1), spans):
            row[start : start + length] = True
    return torch.from_numpy(mask)


def k_means(points: NDArray[np.float32], clusters: int, rounds: int = 15) -> NDArray[np.float32]:
    """Centres (K, D) of points (N, D)."""
    rng = np.random.default_rng(0)
    centres = points[rng.choice(len(points), clusters, replace=False)].copy()
    for _ in range(rounds):
        nearest = assign(points, centres)
        for k in range(clusters):
            own = points[nearest == k]
            centres[k] = own.mean(0) if len(own) else points[rng.integers(len(points))]
    return centres


def assign(points: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    """Number of the nearest centre of each point."""
    distance = (centres**2).sum(1) - 2 * points @ centres.T
    return distance.argmin(1)


@dataclass(frozen=True)
class Clips:
    """Equally long pieces of sound (N, S) with their spectra (N, T, 80) and movements (N, T, C)."""

    sound: NDArray[np.float16]
    mel: NDArray[np.float16]
    curves: NDArray[np.float16]

    @classmethod
    def cut(cls, folder: Path, frames: int, limit: int, seed: int = 0) -> "Clips":
        """Pieces of `frames` frames of the corpus."""
        rng = np.random.default_rng(seed)
        rows = []
        for said in features.training_utterances(folder):
            example = features.example(said, rng, augment.Chances())
            mel = features.spectra(example.sound)
            padded = np.pad(example.sound, (0, RECEPTIVE_SAMPLES - FRAME_SAMPLES))
            for start in range(0, len(mel) - frames, frames):
                first = start * FRAME_SAMPLES
                count = frames * FRAME_SAMPLES + RECEPTIVE_SAMPLES - FRAME_SAMPLES
                part = slice(start, start + frames)
                piece = padded[first : first + count].astype(np.float16)
                moved = example.movement.curves[part].astype(np.float16)
                rows.append((piece, mel[part], moved))
            if len(rows) >= limit:
                break
        sound, mel, curves = (np.stack(column) for column in zip(*rows, strict=True))
        return cls(sound, mel, curves)

    def batch(self, index: NDArray[np.int64], device: str) -> Tensor:
        """Sound (B, S), each at mean 0 and variance 1 as HuBERT expects."""
        sound = torch.from_numpy(self.sound[index].astype(np.float32)).to(device)
        return F.layer_norm(sound, sound.shape[1:])


def pretrain(clips: Clips, config: HubertConfig, minutes: float, device: str) -> HubertModel:
    """Masked prediction for some minutes."""
    rng = np.random.default_rng(0)
    points = clips.mel.reshape(-1, clips.mel.shape[2]).astype(np.float32)
    sample = points[rng.choice(len(points), min(len(points), 20_000), replace=False)]
    clusters = min(CLUSTERS, len(sample) // 4)
    labels = assign(points, k_means(sample, clusters)).reshape(clips.mel.shape[:2])
    net = MaskedPrediction(config, clusters).to(device).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-4, weight_decay=0.01)
    for index in _draws(len(clips.sound), minutes, rng):
        mask = span_mask(len(index), labels.shape[1], 0.5, config.mask_time_length, rng)
        targets = torch.from_numpy(labels[index]).to(device)
        loss = net(clips.batch(index, device), targets, mask.to(device))
        _step(net, optimizer, loss)
    print(f"masked prediction loss {loss.item():.3f} (chance {np.log(clusters):.3f})")
    return net.encoder.eval()


def supervise(clips: Clips, encoder: HubertModel, minutes: float, device: str) -> Supervised:
    """Teach a pretrained encoder the movements of the mouth."""
    rng = np.random.default_rng(1)
    net = Supervised(encoder).to(device).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-4, weight_decay=0.01)
    deviation = torch.from_numpy(clips.curves.reshape(-1, len(CHANNELS)).astype(np.float32).std(0))
    scale = (1 / (deviation + 0.04)).to(device)
    for index in _draws(len(clips.sound), minutes, rng):
        truth = torch.from_numpy(clips.curves[index].astype(np.float32)).to(device)
        loss = (((net(clips.batch(index, device)) - truth) * scale) ** 2).mean()
        _step(net, optimizer, loss)
    print(f"movement loss {loss.item():.3f}")
    return net.eval()


def _draws(count: int, minutes: float, rng: np.random.Generator, batch: int = 16):
    began = time.monotonic()
    while True:
        yield rng.integers(0, count, min(batch, count))
        if time.monotonic() - began > 60 * minutes:
            return


def _step(net: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optimizer.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stage", choices=("pretrain", "supervise"))
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--start", help="supervise: folder or published name of a checkpoint")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--clips", type=int, default=20_000, help="two-second pieces to learn from")
    arguments = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    clips = Clips.cut(arguments.corpus, 2 * SAMPLE_RATE_HZ // FRAME_SAMPLES, arguments.clips)
    if arguments.stage == "pretrain":
        pretrain(clips, small_config(), arguments.minutes, device).save_pretrained(arguments.out)
        return
    if not arguments.start:
        parser.error("supervise needs --start")
    net = supervise(clips, load(arguments.start, device), arguments.minutes, device)
    net.encoder.save_pretrained(arguments.out)
    torch.save(net.head.state_dict(), arguments.out / "head.pt")


if __name__ == "__main__":
    main()
