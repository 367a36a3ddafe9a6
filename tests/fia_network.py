"""FIA networks for tests and benchmarks, without training."""

import torch

from render.fia.config import FiaConfig
from render.fia.network import FiaNetwork


def drawn(config: FiaConfig, seed: int = 0) -> FiaNetwork:
    """A network that does something: its last layer and its BatchNorm statistics are drawn."""
    torch.manual_seed(seed)
    network = FiaNetwork(config).eval()
    torch.nn.init.normal_(network.decoder.out.weight, std=0.05)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 2.0)
    return network
