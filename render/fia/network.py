"""The FIA network in torch (section 3.2, equations 6 to 8, and the table of layers).

Shape legend: B batch, S picture side, C channels, H and W feature map, D coefficients,
N heads, L reference positions. Pictures are float, [0, 1], channel first.
"""

import itertools
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from render.fia.config import FiaConfig


class EncoderBlock(nn.Module):
    """Residual block of the encoder, with BatchNorm before each convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        y = self.conv1(F.relu(self.norm1(x)))
        return x + self.conv2(F.relu(self.norm2(y)))


class Encoder(nn.Module):
    """The encoder that source and reference share; returns its levels, coarsest first."""

    def __init__(self, config: FiaConfig) -> None:
        super().__init__()
        widths = config.encoder_widths
        self.stem = FoldedConv(3, widths[0], 3, config.output_shuffle)
        self.levels = nn.ModuleList(
            nn.Sequential(*(EncoderBlock(width) for _ in range(config.encoder_blocks)))
            for width in widths
        )
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in itertools.pairwise(widths)
        )

    def forward(self, rgb: Tensor) -> list[Tensor]:
        """(B, 3, S, S) to one (B, C, H, W) a level, coarsest first."""
        x = self.stem(rgb - 0.5)
        features = [self.levels[0](x)]
        for down, level in zip(self.down, self.levels[1:], strict=True):
            features.append(level(down(features[-1])))
        return features[::-1]


class CoefficientNetwork(nn.Module):
    """AdaIN parameters of one layer from the coefficients: D, 512, 4C, 2C."""

    def __init__(self, coefficients: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(coefficients, 512),
            nn.ReLU(),
            nn.Linear(512, 4 * width),
            nn.ReLU(),
            nn.Linear(4 * width, 2 * width),
        )

    def forward(self, coefficients: Tensor) -> Tensor:
        """(B, D) to (B, 2C)."""
        return self.layers(coefficients)


class SharedModulation(nn.Module):
    """AdaIN parameters of all layers from one trunk and one linear head."""

    def __init__(self, coefficients: int, sizes: list[int]) -> None:
        super().__init__()
        self.sizes = sizes
        self.trunk = nn.Sequential(
            nn.Linear(coefficients, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU()
        )
        self.head = nn.Linear(256, sum(sizes))

    def forward(self, coefficients: Tensor) -> list[Tensor]:
        """(B, D) to one (B, 2C) a layer."""
        return list(torch.split(self.head(self.trunk(coefficients)), self.sizes, dim=1))


class ModulatedBlock(nn.Module):
    """Residual block of the decoder, modulated by AdaIN before each convolution (eq. 6)."""

    def __init__(self, width: int, own_networks: int) -> None:
        """`own_networks`: coefficients of this block's own two networks, 0 for shared ones."""
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.own = nn.ModuleList(
            CoefficientNetwork(own_networks, width) for _ in range(2 if own_networks else 0)
        )

    def forward(self, x: Tensor, parameters: list[Tensor]) -> Tensor:
        """(B, C, H, W) and two (B, 2C) to (B, C, H, W)."""
        y = self.conv1(_adain(x, parameters[0]))
        return x + self.conv2(_adain(y, parameters[1]))


class AttentionMemory(nn.Module):
    """Keys and values of the reference (eq. 7): computed once a portrait."""

    def __init__(self, reference_width: int, width: int, heads: int) -> None:
        super().__init__()
        self.heads = _num_heads(width, heads)
        self.key = nn.Conv2d(reference_width, width, 1)
        self.value = nn.Conv2d(reference_width, width, 1)

    def forward(self, reference: Tensor) -> list[Tensor]:
        """(B, Cr, H, W) to keys (B, N, C/N, L), scaled, and values (B, N, L, C/N)."""
        key, value = self.key(reference), self.value(reference)
        batch, width, height, wide = key.shape
        shape = (batch, self.heads, width // self.heads, height * wide)
        scale = (width // self.heads) ** -0.5
        return [key.reshape(shape) * scale, value.reshape(shape).transpose(2, 3).contiguous()]


class CrossAttention(nn.Module):
    """Queries of the decoder over the reference (eq. 7)."""

    num_cached = 2

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = _num_heads(width, heads)
        self.query = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        batch, width, height, wide = x.shape
        query = self.query(x).reshape(batch, self.heads, width // self.heads, height * wide)
        attended = torch.softmax(query.transpose(2, 3) @ key, dim=-1) @ value  # (B, N, HW, C/N)
        return x + attended.transpose(2, 3).reshape(batch, width, height, wide)


class FlowMemory(nn.Module):
    """Reference features in the decoder's width, for `FlowAlignment`."""

    def __init__(self, reference_width: int, width: int, heads: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(reference_width, width, 1)

    def forward(self, reference: Tensor) -> list[Tensor]:
        """(B, Cr, H, W) to (B, C, H, W)."""
        return [self.project(reference)]


class FlowAlignment(nn.Module):
    """Reference features moved by a predicted flow, as in IP-LAP (ablation)."""

    num_cached = 1

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.flow = nn.Sequential(
            nn.Conv2d(2 * width, width // 2, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width // 2, 2, 3, padding=1),
        )

    def forward(self, x: Tensor, reference: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        flow = torch.tanh(self.flow(torch.cat([x, reference], dim=1)))  # (B, 2, H, W)
        grid = (_identity_grid(x) + flow).permute(0, 2, 3, 1)  # (B, H, W, 2)
        return x + F.grid_sample(reference, grid, padding_mode="border", align_corners=False)


class DeformationMemory(FlowMemory):
    """As `FlowMemory`, and the mean of each channel, for `AffineDeformation`."""

    def forward(self, reference: Tensor) -> list[Tensor]:
        """(B, Cr, H, W) to (B, C, H, W) and (B, C)."""
        projected = self.project(reference)
        return [projected, projected.mean(dim=(2, 3))]


class AffineDeformation(nn.Module):
    """Each reference channel scaled, turned and moved as a whole, as in DINet (ablation)."""

    num_cached = 2

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.motion = nn.Sequential(
            nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, 4 * width)
        )

    def forward(self, x: Tensor, reference: Tensor, pooled: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        batch, width, height, wide = x.shape
        motion = torch.tanh(self.motion(torch.cat([x.mean(dim=(2, 3)), pooled], dim=1)))
        scale, angle, dx, dy = motion.reshape(batch * width, 4, 1, 1).unbind(1)  # (BC, 1, 1)
        scale, angle = 1 + 0.5 * scale, angle * torch.pi / 4
        gx, gy = _identity_grid(x)[0, 0], _identity_grid(x)[0, 1]  # (H, W)
        cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
        grid = torch.stack([cos * gx - sin * gy + dx, sin * gx + cos * gy + dy], dim=-1)
        moved = F.grid_sample(
            reference.reshape(batch * width, 1, height, wide),
            grid,
            padding_mode="border",
            align_corners=False,
        )
        return x + moved.reshape(batch, width, height, wide)


ALIGNMENTS = {
    "attention": (AttentionMemory, CrossAttention),
    "flow": (FlowMemory, FlowAlignment),
    "deformation": (DeformationMemory, AffineDeformation),
}
"""For each way of alignment: what runs once on the reference, and what runs for each frame."""


class Upsample(nn.Module):
    """Nearest-neighbour doubling, then a 3 x 3 convolution, both in one transposed convolution.

    A doubled pixel is seen by two taps of a row at once, so 4 x 4 weights on the small picture give
    the same as 3 x 3 on the large one, with 16 instead of 36 multiplications.
    """

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width_in, width_out, 3, padding=1)
        spread = torch.tensor([[0.0, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 0]])
        self.register_buffer("spread", torch.kron(spread, spread), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C', 2H, 2W)."""
        return F.conv_transpose2d(x, self._doubled(), self.conv.bias, stride=2, padding=1)

    def plain(self) -> nn.ConvTranspose2d:
        """The same with the present weights, as one ordinary layer."""
        conv, where = self.conv, _where(self.conv.weight)
        sizes = conv.in_channels, conv.out_channels, 4
        plain = nn.ConvTranspose2d(*sizes, stride=2, padding=1, **where)
        plain.load_state_dict({"weight": self._doubled(), "bias": conv.bias})
        return plain

    def _doubled(self) -> Tensor:
        """Weights (C, C', 4, 4) on the small picture."""
        doubled = self.conv.weight.flatten(2) @ self.spread  # (C', C, 16)
        return doubled.transpose(0, 1).unflatten(2, (4, 4))


class FoldedConv(nn.Conv2d):
    """A convolution of a picture folded space to depth; in use without folding it: by stride.

    While training it does fold: the gradient of large kernels is slow on GPUs.
    """

    def __init__(self, channels: int, width: int, kernel: int, fold: int) -> None:
        super().__init__(channels * fold**2, width, kernel, padding=kernel // 2)
        self.fold = fold

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, S, S) to (B, C', S / fold, S / fold)."""
        if self.training:
            return super().forward(F.pixel_unshuffle(x, self.fold))
        padding = self.kernel_size[0] // 2 * self.fold
        return F.conv2d(x, self._unfolded(), self.bias, stride=self.fold, padding=padding)

    def plain(self) -> nn.Conv2d:
        """The same with the present weights, as one ordinary layer."""
        weight = self._unfolded()
        width, channels, size, _ = weight.shape
        padding = self.kernel_size[0] // 2 * self.fold
        where = _where(weight)
        plain = nn.Conv2d(channels, width, size, stride=self.fold, padding=padding, **where)
        plain.load_state_dict({"weight": weight, "bias": self.bias})
        return plain

    def _unfolded(self) -> Tensor:
        """Weights (C', C, K * fold, K * fold) on the picture."""
        weight = self.weight.unflatten(1, (-1, self.fold, self.fold))  # (C', C, fold, fold, K, K)
        return weight.permute(0, 1, 4, 2, 5, 3).flatten(4, 5).flatten(2, 3)


class Decoder(nn.Module):
    """From the source's coarsest features to the repainted picture (eqs. 6 to 8).

    It needs nothing of the encoder but tensors that stay the same while the portrait does, so it
    runs alone once those are cached. In guided mode the rendered picture and the mask enter at
    each level, folded to its size, by one thin convolution.
    """

    def __init__(self, config: FiaConfig) -> None:
        super().__init__()
        self.config = config
        widths, shuffle = config.decoder_widths, config.output_shuffle
        own = config.coefficient_size if config.modulation == "per_layer" else 0
        self.up = nn.ModuleList(Upsample(a, b) for a, b in itertools.pairwise(widths))
        self.levels = nn.ModuleList(
            nn.ModuleList(ModulatedBlock(width, own) for _ in range(blocks))
            for width, blocks in zip(widths, config.decoder_blocks, strict=True)
        )
        if not own:
            layers = zip(widths, config.decoder_blocks, strict=True)
            sizes = [2 * width for width, blocks in layers for _ in range(2 * blocks)]
            self.shared = SharedModulation(config.coefficient_size, sizes)
        alignment = ALIGNMENTS[config.alignment][1]
        self.align = nn.ModuleList(
            alignment(width, config.heads) for width in widths[: config.aligned_levels]
        )
        self.out = nn.Conv2d(widths[-1], 3 * shuffle**2, 3, padding=1)
        if config.guided:
            folds = [config.size_px // config.level_side_px(i) for i in range(len(widths))]
            self.guide = nn.ModuleList(
                FoldedConv(4, width, 3 if fold <= 2 else 1, fold)
                for fold, width in zip(folds, widths, strict=True)
            )
            nn.init.zeros_(self.out.weight)
            nn.init.zeros_(self.out.bias)

    def forward(
        self,
        alpha: Tensor,
        beta: Tensor,
        rho: Tensor,
        base: Tensor,
        mask: Tensor,
        stem: Tensor,
        *cached: Tensor,
    ) -> Tensor:
        """One picture for each set of coefficients.

        Args:
            alpha: Identity (B, A).
            beta: Expression (B, E).
            rho: Pose (B, R).
            base: What is kept outside the mask (B, 3, S, S): the source, or in guided mode the
                rendered picture that is corrected.
            mask: 1 keeps the base, 0 repaints (B, 1, S, S).
            stem: `FiaNetwork.encode_source`.
            cached: `FiaNetwork.encode_reference`.

        Returns:
            Picture (B, 3, S, S). In guided mode it may leave [0, 1] slightly.
        """
        coefficients = torch.cat([alpha, beta, rho], dim=1)
        parameters = self._modulation(coefficients)
        guide = torch.cat([base, mask], dim=1) - 0.5 if self.config.guided else None
        tensors = list(cached)
        x = stem
        for i, blocks in enumerate(self.levels):
            if i:
                x = self.up[i - 1](x)
            if guide is not None:
                x = x + self.guide[i](guide)
            for block in blocks:
                x = block(x, [parameters.pop(0), parameters.pop(0)])
            if i < len(self.align):
                count = self.align[i].num_cached
                x = self.align[i](x, *tensors[:count])
                tensors = tensors[count:]
        painted = self.out(x)
        if self.config.output_shuffle > 1:
            painted = F.pixel_shuffle(painted, self.config.output_shuffle)
        if self.config.guided:
            change = torch.tanh(painted)
            if self.config.detail_px:
                change = change - _broad(change, self.config.detail_px)
            if self.config.light_only:
                change = base * change.mean(dim=1, keepdim=True)
            return base + (1 - mask) * change
        return mask * base + (1 - mask) * torch.sigmoid(painted)

    def _modulation(self, coefficients: Tensor) -> list[Tensor]:
        if hasattr(self, "shared"):
            return self.shared(coefficients)
        return [net(coefficients) for level in self.levels for block in level for net in block.own]


class FiaNetwork(nn.Module):
    """Encoder and decoder together."""

    def __init__(self, config: FiaConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config)
        self.stem = nn.Conv2d(config.encoder_widths[-1], config.decoder_widths[0], 3, padding=1)
        memory = ALIGNMENTS[config.alignment][0]
        widths = zip(config.encoder_widths[::-1], config.decoder_widths, strict=True)
        self.memories = nn.ModuleList(
            memory(reference, width, config.heads)
            for reference, width in list(widths)[: config.aligned_levels]
        )
        self.decoder = Decoder(config)

    def encode_source(self, source: Tensor) -> Tensor:
        """Masked source (B, 3, S, S) to the decoder's first features (B, C, H, W)."""
        return self.stem(self.encoder(source)[0])

    def encode_reference(self, reference: Tensor) -> list[Tensor]:
        """Reference (B, 3, S, S) to what the alignments keep of it, coarsest level first."""
        return self._remember(self.encoder(reference))

    def forward(
        self,
        source: Tensor,
        reference: Tensor,
        alpha: Tensor,
        beta: Tensor,
        rho: Tensor,
        base: Tensor,
        mask: Tensor,
    ) -> Tensor:
        """Everything in one go; see `Decoder.forward`."""
        return self.decoder(alpha, beta, rho, base, mask, *self.encode(source, reference))

    def encode(self, source: Tensor, reference: Tensor) -> list[Tensor]:
        """`encode_source` and `encode_reference` in one batch: in training, both are normalised by
        what they have in common, as they will be later.
        """
        batch = source.shape[0]
        features = self.encoder(torch.cat([source, reference]))
        cached = self._remember([level[batch:] for level in features])
        return [self.stem(features[0][:batch]), *cached]

    def _remember(self, features: list[Tensor]) -> list[Tensor]:
        pairs = zip(self.memories, features, strict=False)
        return [tensor for memory, level in pairs for tensor in memory(level)]


def _where(weight: Tensor) -> dict[str, Any]:
    """To build a layer like this one's: its device and type."""
    return {"device": weight.device, "dtype": weight.dtype}


def _num_heads(width: int, most: int) -> int:
    return min(most, max(1, width // 32))


def _adain(x: Tensor, parameters: Tensor) -> Tensor:
    """Adaptive instance normalisation and ReLU: (B, C, H, W), (B, 2C) to (B, C, H, W).

    Normalises in 32 bits, also in a network of 16.
    """
    if {x.dtype, parameters.dtype} != {torch.float32}:
        return _adain(x.float(), parameters.float()).to(x.dtype)
    gain, offset = parameters.chunk(2, dim=1)
    if len(x) == 1:  # One pass over the features less; the same result.
        return F.relu(F.instance_norm(x, weight=1 + gain[0], bias=offset[0]))
    return F.relu(F.instance_norm(x) * (1 + gain[..., None, None]) + offset[..., None, None])


def _broad(x: Tensor, size_px: int) -> Tensor:
    """What of `x` (B, C, S, S) is broader than `size_px`, the same shape."""
    pooled = F.avg_pool2d(x, size_px)
    return F.interpolate(pooled, scale_factor=float(size_px), mode="bilinear")


def _identity_grid(x: Tensor) -> Tensor:
    """Sampling positions that change nothing: (1, 2, H, W), x then y, in [-1, 1]."""
    height, width = x.shape[2], x.shape[3]
    ys = (torch.arange(height, dtype=x.dtype, device=x.device) + 0.5) * (2 / height) - 1
    xs = (torch.arange(width, dtype=x.dtype, device=x.device) + 0.5) * (2 / width) - 1
    return torch.stack([xs.expand(height, width), ys[:, None].expand(height, width)])[None]
