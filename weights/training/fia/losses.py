"""The losses of equations 9 and 10.

The paper's perceptual loss compares features of a VGG network trained on ImageNet. Those weights
cannot be shipped; ours are a convolutional pyramid drawn from a fixed seed. Random features of
that kind still tell sharp from blurred and textured from flat, which is what the loss is for;
whoever has VGG-19 weights gives their path instead.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PERCEPTUAL_SEED = 20240708
VGG_TAPS = (2, 7, 12, 21)
"""Layers of torchvision's VGG-19 `features` before whose ReLU it is tapped."""
VGG_WIDTHS = (64, 64, "M", 128, 128, "M", 256, 256, 256, 256, "M", 512, 512, 512, 512)


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """How much each term counts.

    Attributes:
        pixel: L1 over the picture.
        perceptual: L1 between features.
        adversarial: Fooling the discriminator; 0 trains without one.
        teeth: L1 on the teeth alone.
        restraint: L1 of the change made to the guide: what need not change stays. Not in the paper;
            for guided networks.
    """

    pixel: float = 1.0
    perceptual: float = 1.0
    adversarial: float = 0.1
    teeth: float = 1.0
    restraint: float = 0.0


class RandomFeatures(nn.Module):
    """Four scales of features of a convolutional network drawn from a seed."""

    def __init__(self, widths: tuple[int, ...] = (24, 32, 48, 64)) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(PERCEPTUAL_SEED)
        self.layers = nn.ModuleList()
        channels = 3
        for width in widths:
            layer = nn.Conv2d(channels, width, 3, padding=1, bias=False)
            nn.init.orthogonal_(layer.weight, gain=1.4, generator=generator)
            self.layers.append(layer)
            channels = width
        self.requires_grad_(False)

    def forward(self, rgb: Tensor) -> list[Tensor]:
        """(B, 3, S, S) to one (B, C, S', S') a scale."""
        features, x = [], rgb - 0.5
        for i, layer in enumerate(self.layers):
            x = layer(F.avg_pool2d(x, 2) if i else x)
            features.append(x)
            x = F.leaky_relu(x, 0.2)
        return features


class VggFeatures(nn.Module):
    """VGG-19 up to its fourth block, with weights from a file the user has."""

    def __init__(self, path: Path) -> None:
        """`path`: a state dict in torchvision's layout (`features.0.weight`, ...)."""
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in VGG_WIDTHS:
            if width == "M":
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [nn.Conv2d(channels, int(width), 3, padding=1), nn.ReLU()]
                channels = int(width)
        self.features = nn.Sequential(*layers)
        stored = torch.load(path, map_location="cpu", weights_only=True)
        wanted = self.state_dict().keys()
        self.load_state_dict({name: stored[name] for name in wanted})
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None])
        self.register_buffer("std", torch.tensor([0.229, 0.224, 0.225])[:, None, None])
        self.requires_grad_(False)

    def forward(self, rgb: Tensor) -> list[Tensor]:
        """(B, 3, S, S) to one (B, C, S', S') a tap."""
        taps, x = [], (rgb - self.mean) / self.std
        for i, layer in enumerate(self.features[: VGG_TAPS[-1] + 1]):
            x = layer(x)
            if i in VGG_TAPS:
                taps.append(x)
        return taps


def perceptual_network(vgg: Path | None) -> nn.Module:
    """VGG-19 where its weights are given, else the seeded pyramid."""
    return VggFeatures(vgg).eval() if vgg else RandomFeatures().eval()


class Discriminator(nn.Module):
    """Judges overlapping patches as real or painted (eq. 9)."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        sizes = [3, width, 2 * width, 4 * width]
        layers: list[nn.Module] = []
        for i in range(3):
            conv = nn.Conv2d(sizes[i], sizes[i + 1], 4, stride=2, padding=1)
            layers += [nn.utils.parametrizations.spectral_norm(conv), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(sizes[-1], 1, 3, padding=1))

    def forward(self, rgb: Tensor) -> Tensor:
        """(B, 3, S, S) to scores (B, 1, S/8, S/8)."""
        return self.layers(rgb - 0.5)


def painter_loss(
    painted: Tensor,
    target: Tensor,
    teeth: Tensor,
    base: Tensor,
    features: Callable[[Tensor], list[Tensor]],
    discriminator: Discriminator | None,
    weights: LossWeights,
) -> Tensor:
    """Eq. 9: pixels, features, the discriminator and the teeth (eq. 10).

    Args:
        painted: (B, 3, S, S).
        target: (B, 3, S, S).
        teeth: (B, 1, S, S), [0, 1].
        base: (B, 3, S, S), the guide.
        features: From `perceptual_network`.
        discriminator: None where its weight is 0.
        weights: Of the terms.
    """
    total = weights.pixel * F.l1_loss(painted, target)
    with torch.no_grad():
        wanted = features(target)
    found = features(painted)
    total = total + weights.perceptual / len(wanted) * sum(
        F.l1_loss(a, b) for a, b in zip(found, wanted, strict=True)
    )
    shown = teeth.sum() * 3 + 1
    total = total + weights.teeth * ((painted - target).abs() * teeth).sum() / shown
    total = total + weights.restraint * F.l1_loss(painted, base)
    if discriminator is not None and weights.adversarial > 0:
        total = total - weights.adversarial * discriminator(painted).mean()
    return total


def discriminator_loss(discriminator: Discriminator, painted: Tensor, target: Tensor) -> Tensor:
    """Hinge loss of the discriminator; `painted` is taken as it is, without its gradient."""
    real = F.relu(1 - discriminator(target)).mean()
    return real + F.relu(1 + discriminator(painted.detach())).mean()
