"""Parameters and multiply-accumulates of the networks, counted while they run."""

import torch
from torch import nn

from render.fia.config import PRESETS, paper
from render.fia.network import CrossAttention, FiaNetwork, FoldedConv, Upsample
from weights.training.fia.export import decoder_inputs, example_inputs


def parameters(module: nn.Module) -> int:
    """Number of trainable values."""
    return sum(parameter.numel() for parameter in module.parameters())


@torch.no_grad()
def multiply_accumulates(module: nn.Module, *inputs: torch.Tensor) -> int:
    """Multiply-accumulates of convolutions, linear layers and attention in one call."""
    total = 0

    def convolution(layer: nn.Conv2d, _: tuple, output: torch.Tensor) -> None:
        nonlocal total
        total += output.numel() * layer.weight[0].numel()

    def linear(layer: nn.Linear, _: tuple, output: torch.Tensor) -> None:
        nonlocal total
        total += output.numel() * layer.in_features

    def attention(_: CrossAttention, given: tuple, output: torch.Tensor) -> None:
        nonlocal total
        total += 2 * output.numel() * given[1].shape[-1]

    def upsample(layer: Upsample, given: tuple, output: torch.Tensor) -> None:
        nonlocal total
        total += 16 * given[0].numel() * output.shape[1]

    kinds = {
        nn.Conv2d: convolution,
        FoldedConv: convolution,
        Upsample: upsample,
        nn.Linear: linear,
        CrossAttention: attention,
    }
    hooks = [
        layer.register_forward_hook(kinds[type(layer)])
        for layer in module.modules()
        if type(layer) in kinds
    ]
    module(*inputs)
    for hook in hooks:
        hook.remove()
    return total


def table() -> str:
    """Markdown table of all presets: parameters in millions, GMAC whole and decoder alone."""
    rows = ["| preset | parameters, M | decoder, M | whole, GMAC | decoder alone, GMAC |"]
    rows.append("|---|---|---|---|---|")
    configs = {f"paper, {blocks} block(s)": paper(blocks) for blocks in (1, 2, 3)}
    configs |= {name: config for name, config in PRESETS.items() if name != "paper"}
    for name, config in configs.items():
        network = FiaNetwork(config).eval()
        inputs = example_inputs(config)
        whole = multiply_accumulates(network, *inputs.values())
        alone = multiply_accumulates(network.decoder, *decoder_inputs(network, inputs).values())
        rows.append(
            f"| {name} | {parameters(network) / 1e6:.2f} | "
            f"{parameters(network.decoder) / 1e6:.2f} | {whole / 1e9:.2f} | {alone / 1e9:.2f} |"
        )
    return "\n".join(rows)


if __name__ == "__main__":
    print(table())
