"""FIA networks to ONNX: the parts that run once, and those that run for each frame."""

import io
import warnings
from pathlib import Path

import onnx
import torch
from onnx import helper
from torch import Tensor, nn

from render.fia.config import FiaConfig
from render.fia.network import FiaNetwork
from weights.training import storage

OPSET = 17
COEFFICIENTS = ["alpha", "beta", "rho"]
PICTURES = ["base", "mask"]


class EnrolmentPart(nn.Module):
    """What runs once a portrait: (source, reference) to the stem and the alignment's cache."""

    def __init__(self, network: FiaNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, source: Tensor, reference: Tensor) -> tuple[Tensor, ...]:
        """(1, 3, S, S) twice to `decoder_inputs` after the mask."""
        network = self.network
        return (network.encode_source(source), *network.encode_reference(reference))


class ReferenceCachedPart(nn.Module):
    """For a moving source: the source is encoded for each frame, the reference is cached."""

    def __init__(self, network: FiaNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        source: Tensor,
        alpha: Tensor,
        beta: Tensor,
        rho: Tensor,
        base: Tensor,
        mask: Tensor,
        *cached: Tensor,
    ) -> Tensor:
        """As `Decoder.forward`, with the masked source in place of the stem."""
        stem = self.network.encode_source(source)
        return self.network.decoder(alpha, beta, rho, base, mask, stem, *cached)


def example_inputs(config: FiaConfig, seed: int = 0, batch: int = 1) -> dict[str, Tensor]:
    """Random inputs of `FiaNetwork.forward`, by name, with fixed shapes."""
    generator = torch.Generator().manual_seed(seed)

    def picture(channels: int) -> Tensor:
        return torch.rand(batch, channels, config.size_px, config.size_px, generator=generator)

    return {
        "source": picture(3),
        "reference": picture(3),
        "alpha": torch.randn(batch, config.alpha_size, generator=generator),
        "beta": torch.rand(batch, config.beta_size, generator=generator),
        "rho": torch.randn(batch, config.rho_size, generator=generator) * 0.1,
        "base": picture(3),
        "mask": (picture(1) > 0.5).float(),
    }


@torch.no_grad()
def decoder_inputs(network: FiaNetwork, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Inputs of the decoder alone, from those of the whole network; names are the ONNX names."""
    cached = network.encode_reference(inputs["reference"])
    named = {name: inputs[name] for name in (*COEFFICIENTS, *PICTURES)}
    named["stem"] = network.encode_source(inputs["source"])
    return named | {f"reference_{i}": tensor for i, tensor in enumerate(cached)}


def export_decoder(network: FiaNetwork, path: Path) -> None:
    """Write the part that runs for each frame; its weights keep their names in the state dict."""
    inputs = decoder_inputs(network.eval(), example_inputs(network.config))
    _export(network.decoder, inputs, ["rgb"], path, network.config)


def export_enrolment(network: FiaNetwork, path: Path) -> None:
    """Write the part that runs once a portrait."""
    inputs = example_inputs(network.config)
    given = {name: inputs[name] for name in ("source", "reference")}
    names = list(decoder_inputs(network.eval(), inputs))[5:]
    _export(EnrolmentPart(network), given, names, path, network.config)


def export_reference_cached(network: FiaNetwork, path: Path) -> None:
    """Write the part that runs for each frame of a moving source."""
    inputs = example_inputs(network.config)
    decoder = decoder_inputs(network.eval(), inputs)
    del decoder["stem"]
    part = ReferenceCachedPart(network)
    _export(part, {"source": inputs["source"], **decoder}, ["rgb"], path, network.config)


def export_full(network: FiaNetwork, path: Path) -> None:
    """Write the whole network, nothing cached: the baseline of the speed tables."""
    _export(network.eval(), example_inputs(network.config), ["rgb"], path, network.config)


def _export(
    module: nn.Module, inputs: dict[str, Tensor], outputs: list[str], path: Path, config: FiaConfig
) -> None:
    stream = io.BytesIO()
    module.eval()
    # The exporter through TorchScript is deprecated but keeps the weights' names, by which
    # render.fia.torch_weights finds them again (torch 2.13). It must not fold constants, or
    # weights that are rearranged lose theirs; ONNX Runtime folds them when it loads.
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            tuple(inputs.values()),
            stream,
            input_names=list(inputs),
            output_names=outputs,
            opset_version=OPSET,
            dynamo=False,
            do_constant_folding=False,
        )
    model = onnx.load_from_string(stream.getvalue())
    helper.set_model_props(model, {"fia_config": config.to_json()})
    storage.write(model, path)
