"""A decoder rearranged to run for a fixed network: what depends on weights alone is done once.

The results stay the same. Doubling layers and folded convolutions compute their weights from those
that were learnt at each run; here they become plain convolutions. The paper's one small network for
each AdaIN layer become a few batched products, since on a GPU thirty networks of three tiny layers
take longer to start than to compute.

Shape legend: B batch, D coefficients, M networks of one width, C channels.
"""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from render.fia.network import CoefficientNetwork, Decoder, FoldedConv, Upsample


def freeze(decoder: Decoder) -> Decoder:
    """A copy for inference, in evaluation mode, with the same inputs and results."""
    frozen = copy.deepcopy(decoder).eval().requires_grad_(False)
    for parent in list(frozen.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Upsample | FoldedConv):
                setattr(parent, name, child.plain())
    networks = [net for level in frozen.levels for block in level for net in block.own]
    if networks:
        frozen.shared = BatchedModulation(networks)
    return frozen


class BatchedModulation(nn.Module):
    """Many `CoefficientNetwork`s at once, those of one width in one product a layer."""

    def __init__(self, networks: list[CoefficientNetwork]) -> None:
        super().__init__()
        widths = [net.layers[-1].out_features for net in networks]
        self._groups = [[i for i, w in enumerate(widths) if w == width] for width in set(widths)]
        for g, group in enumerate(self._groups):
            for n, layer in enumerate((0, 2, 4)):
                linears = [networks[i].layers[layer] for i in group]
                self.register_buffer(f"weight_{g}_{n}", torch.stack([x.weight.T for x in linears]))
                self.register_buffer(
                    f"bias_{g}_{n}", torch.stack([x.bias for x in linears])[:, None]
                )

    def forward(self, coefficients: Tensor) -> list[Tensor]:
        """(B, D) to one (B, 2C) a network, in their order."""
        found: dict[int, Tensor] = {}
        for g, group in enumerate(self._groups):
            x = coefficients.expand(len(group), *coefficients.shape)  # (M, B, D)
            for n in range(3):
                x = F.relu(x) if n else x
                weight, bias = getattr(self, f"weight_{g}_{n}"), getattr(self, f"bias_{g}_{n}")
                x = torch.baddbmm(bias, x, weight)
            found |= zip(group, x, strict=True)
        return [found[i] for i in sorted(found)]
