"""HuBERT's own pretraining.

    python -m weights.training.voice.hubert --data DIR --out DIR --minutes 600
    python -m weights.training.voice.train --encoder hubert --start DIR --data DIR --out RUN

Pretraining is masked prediction (Hsu et al. 2021): spans of frames are hidden, and the network
says which cluster of log-mel spectra lies under them. It wants a GPU: on one processor core an
hour is better spent on the movements themselves, which need no such start.

Shape legend: B batch, S samples, T frames (50 Hz), D hidden size, K clusters.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import HubertConfig, HubertModel

from core.voice.logmel import TOKEN_SAMPLES
from weights.training.voice.hubert_net import TAIL_SAMPLES, small_config

CLUSTERS = 100
_IGNORED = -100


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


class Pieces:
    """Random equally long pieces of the training sound, with the clusters of their spectra."""

    def __init__(self, folder: Path, tokens: int, rng: np.random.Generator) -> None:
        self._sound = np.load(folder / "sound.npy", mmap_mode="r")
        mel = np.load(folder / "mel.npy", mmap_mode="r")
        step = max(1, len(mel) // 20_000)
        sample = mel[::step].astype(np.float32)
        self.clusters = min(CLUSTERS, len(sample) // 4)
        self._centres = k_means(sample, self.clusters)
        self._mel, self._tokens, self._rng = mel, tokens, rng

    def draw(self, batch: int) -> tuple[Tensor, Tensor]:
        """Sound (B, S), each at mean 0 and variance 1 as HuBERT expects, and clusters (B, T)."""
        count = self._tokens * TOKEN_SAMPLES + TAIL_SAMPLES
        last = len(self._sound) // TOKEN_SAMPLES - self._tokens
        starts = self._rng.integers(0, last, batch)
        sound = np.stack([self._sound[s * TOKEN_SAMPLES :][:count] for s in starts])
        clusters = [assign(self._mel[s : s + self._tokens], self._centres) for s in starts]
        heard = torch.from_numpy(sound.astype(np.float32))
        return F.layer_norm(heard, heard.shape[1:]), torch.from_numpy(np.stack(clusters))


def pretrain(
    folder: Path, config: HubertConfig, minutes: float, device: str, tokens: int = 100
) -> HubertModel:
    """Masked prediction for some minutes, on what `features --sound` has written to `folder`."""
    rng = np.random.default_rng(0)
    pieces = Pieces(folder, tokens, rng)
    net = MaskedPrediction(config, pieces.clusters).to(device).train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-4, weight_decay=0.01)
    began = time.process_time()
    while True:
        sound, clusters = pieces.draw(16)
        mask = span_mask(len(sound), tokens, 0.5, config.mask_time_length, rng)
        loss = net(sound.to(device), clusters.to(device), mask.to(device))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        if time.process_time() - began > 60 * minutes:
            break
    print(f"masked prediction loss {loss.item():.3f} (chance {np.log(pieces.clusters):.3f})")
    return net.encoder.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of `features --sound`")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=600.0)
    arguments = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    encoder = pretrain(arguments.data, small_config(), arguments.minutes, device)
    encoder.save_pretrained(arguments.out)


if __name__ == "__main__":
    main()
