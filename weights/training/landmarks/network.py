"""The landmark network: heat maps, soft-argmax, and how sure it is of each point.

Shape suffixes: N pictures, S side of the picture, G = S / 4 side of a heat map, L points.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _block(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class LandmarkNet(nn.Module):
    """Predicts L points, the scale of its error for each, and some numbers about the whole.

    Every heat map is turned into a place by its mean (soft-argmax), so the result is finer than the
    map. A second, global estimate from the coarsest level is used by the loss alone: it makes the
    coarse features know where everything is.
    """

    def __init__(self, num_points: int, size: int, num_states: int = 0) -> None:
        super().__init__()
        self.num_points, self.size, self.num_states = num_points, size, num_states
        self.to_half = nn.Sequential(_block(3, 16, 2))
        self.to_quarter = nn.Sequential(_block(16, 32, 2), _block(32, 40))
        self.to_eighth = nn.Sequential(_block(40, 64, 2), _block(64, 72))
        self.to_sixteenth = nn.Sequential(_block(72, 128, 2), _block(128, 128), _block(128, 128))
        side = size // 16
        self.squeeze = nn.Sequential(nn.Flatten(), nn.Linear(128 * side * side, 192), nn.ReLU())
        self.coarse = nn.Linear(192, num_points * 2)
        self.spread = nn.Linear(192, num_points)
        self.state = nn.Linear(192, max(num_states, 1))
        self.up_eighth = nn.Conv2d(128, 72, 1)
        self.mix_eighth = _block(72, 64)
        self.up_quarter = nn.Conv2d(64, 40, 1)
        self.mix_quarter = _block(40, 48)
        self.heat = nn.Conv2d(48, num_points, 1)
        grid = (torch.arange(size // 4) + 0.5) * 4
        self.register_buffer("grid", grid, persistent=False)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Locate the points.

        Args:
            picture: (N, 3, S, S) RGB, 0..255.

        Returns:
            Points (N, L, 2) in pixels, expected error of each in pixels (N, L), state (N, K) in
            0..1, and the coarse points (N, L, 2).
        """
        mean = picture.mean((1, 2, 3), keepdim=True)
        spread = (picture - mean).square().mean((1, 2, 3), keepdim=True).sqrt()
        half = self.to_half((picture - mean) / (spread + 8.0))  # N 16 S/2 S/2
        quarter = self.to_quarter(half)  # N 40 G G
        eighth = self.to_eighth(quarter)  # N 72 G/2 G/2
        sixteenth = self.to_sixteenth(eighth)  # N 128 G/4 G/4
        whole = self.squeeze(sixteenth)  # N 192
        coarse = self.coarse(whole).float().view(-1, self.num_points, 2)
        coarse = (coarse * 0.2 + 0.5) * self.size
        up = F.interpolate(self.up_eighth(sixteenth), scale_factor=2.0)
        fine = self.mix_eighth(eighth + up)  # N 64 G/2 G/2
        up = F.interpolate(self.up_quarter(fine), scale_factor=2.0)
        fine = self.mix_quarter(quarter + up)  # N 48 G G
        heat = self.heat(fine).float()  # N L G G
        weight = heat.flatten(2).softmax(-1).view_as(heat)
        x = (weight.sum(2) * self.grid).sum(-1)
        y = (weight.sum(3) * self.grid).sum(-1)
        error = F.softplus(self.spread(whole).float()) + 0.05
        state = torch.sigmoid(self.state(whole).float())[:, : self.num_states]
        return torch.stack([x, y], -1), error, state, coarse
