"""The FIA network: published size, caching, guidance, precision and export."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")

from render.engines.base import EngineSettings  # noqa: E402
from render.engines.onnx_engine import ONNX_CPU  # noqa: E402
from render.fia.config import PRESETS, FiaConfig, paper  # noqa: E402
from render.fia.network import FiaNetwork  # noqa: E402
from render.fia.torch_weights import load_decoder  # noqa: E402
from tests.fia_network import drawn  # noqa: E402
from weights.training import storage  # noqa: E402
from weights.training.fia import cost, export  # noqa: E402

TINY = dataclasses.replace(
    PRESETS["pocket"],
    size_px=32,
    encoder_widths=(8, 8, 16, 32),
    decoder_widths=(32, 32, 16, 8),
)
VARIANTS = {
    "guided": TINY,
    "paper": dataclasses.replace(TINY, guided=False, modulation="per_layer", output_shuffle=1),
    "flow": dataclasses.replace(TINY, alignment="flow"),
    "deformation": dataclasses.replace(TINY, alignment="deformation"),
    "detail": dataclasses.replace(TINY, detail_px=8),
    "light": dataclasses.replace(TINY, detail_px=8, light_only=True),
}


def psnr_db(a: np.ndarray, b: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((a - b) ** 2)))


@pytest.mark.parametrize(("blocks", "published"), [(1, 52.53), (2, 69.24), (3, 85.96)])
def test_paper_preset_has_the_published_size(blocks: int, published: float) -> None:
    with torch.device("meta"):
        network = FiaNetwork(paper(blocks))
    assert cost.parameters(network) / 1e6 == pytest.approx(published, rel=1e-3)


def test_compact_costs_what_it_promises() -> None:
    network = FiaNetwork(PRESETS["compact"]).eval()
    inputs = export.example_inputs(network.config)
    named = export.decoder_inputs(network, inputs)
    macs = cost.multiply_accumulates(network.decoder, *named.values())
    assert cost.parameters(network) / 1e6 == pytest.approx(5.7, rel=0.05)
    assert macs / 1e9 == pytest.approx(0.9, rel=0.05)


@pytest.mark.parametrize("config", VARIANTS.values(), ids=list(VARIANTS))
def test_cached_equals_uncached(config: FiaConfig) -> None:
    network = drawn(config)
    inputs = export.example_inputs(config)
    with torch.no_grad():
        whole = network(*inputs.values())
        cached = network.decoder(*export.decoder_inputs(network, inputs).values())
    assert whole.std() > 0.05
    torch.testing.assert_close(cached, whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize("config", VARIANTS.values(), ids=list(VARIANTS))
def test_every_input_matters(config: FiaConfig) -> None:
    network = drawn(config)
    inputs = export.example_inputs(config)
    with torch.no_grad():
        whole = network(*inputs.values())
        for name in inputs:
            if name in ("base", "mask"):
                continue
            changed = network(*(inputs | {name: torch.zeros_like(inputs[name])}).values())
            assert (changed - whole).abs().max() > 1e-3, name


@pytest.mark.parametrize("config", VARIANTS.values(), ids=list(VARIANTS))
def test_kept_pixels_are_the_base(config: FiaConfig) -> None:
    network = drawn(config)
    inputs = export.example_inputs(config)
    with torch.no_grad():
        whole = network(*inputs.values())
    keep = (inputs["mask"] == 1).expand_as(whole)
    assert torch.equal(whole[keep], inputs["base"][keep])
    assert not torch.equal(whole[~keep], inputs["base"][~keep])


def test_untrained_guided_network_is_exactly_its_guide() -> None:
    torch.manual_seed(0)
    network = FiaNetwork(TINY).eval()
    inputs = export.example_inputs(TINY)
    with torch.no_grad():
        assert torch.equal(network(*inputs.values()), inputs["base"])


def test_a_change_of_detail_keeps_the_colour_of_every_place() -> None:
    """The worst that a network can do, a veil over the whole region, comes to nothing."""
    network = drawn(VARIANTS["detail"])
    torch.nn.init.zeros_(network.decoder.out.weight)
    torch.nn.init.constant_(network.decoder.out.bias, 0.5)
    inputs = export.example_inputs(network.config)
    inputs["mask"] = torch.zeros_like(inputs["mask"])
    with torch.no_grad():
        assert (network(**inputs) - inputs["base"]).abs().max() < 1e-6
        veiled = drawn(TINY)
        veiled.decoder.out = network.decoder.out
        assert (veiled(**inputs) - inputs["base"]).abs().min() > 0.4


def test_a_change_of_light_keeps_hues_and_black() -> None:
    network = drawn(VARIANTS["light"])
    inputs = export.example_inputs(network.config)
    inputs["mask"] = torch.zeros_like(inputs["mask"])
    inputs["base"] = 0.2 + 0.8 * inputs["base"]
    inputs["base"][:, :, :8] = 0
    with torch.no_grad():
        painted = network(**inputs)
    ratio = painted[:, :, 8:] / inputs["base"][:, :, 8:]
    assert (ratio - ratio.mean(dim=1, keepdim=True)).abs().max() < 1e-5
    assert (ratio - 1).abs().max() > 0.05
    assert painted[:, :, :8].abs().max() == 0


@pytest.mark.parametrize("config", VARIANTS.values(), ids=list(VARIANTS))
def test_exported_parts_agree_with_torch(config: FiaConfig, tmp_path: Path) -> None:
    network = drawn(config)
    inputs = export.example_inputs(config)
    decoder = export.decoder_inputs(network, inputs)
    with torch.no_grad():
        expected = network(*inputs.values()).numpy()
    settings = EngineSettings(cache_folder=tmp_path)

    def run(write, named: dict[str, "torch.Tensor"]) -> np.ndarray:
        write(network, tmp_path / "part.onnx")
        engine = ONNX_CPU.load(tmp_path / "part.onnx", settings)
        return engine.run({name: value.numpy() for name, value in named.items()}).copy()

    cached = run(export.export_decoder, decoder)
    assert np.abs(cached - expected).max() <= 5e-5
    if config is not TINY:
        return
    whole = run(export.export_full, inputs)
    moving = {"source": inputs["source"], **decoder}
    del moving["stem"]
    assert np.abs(whole - expected).max() <= 5e-5
    assert np.abs(cached - whole).max() <= 2e-5
    assert np.abs(run(export.export_reference_cached, moving) - expected).max() <= 5e-5


def test_low_precision_stays_close() -> None:
    network = drawn(TINY)
    named = export.decoder_inputs(network, export.example_inputs(TINY))
    with torch.no_grad():
        expected = network.decoder(*named.values()).numpy()
        for dtype, least_db in ((torch.float16, 50), (torch.bfloat16, 40)):
            decoder = drawn(TINY).decoder.to(dtype)
            found = decoder(*(value.to(dtype) for value in named.values())).float().numpy()
            assert psnr_db(found, expected) >= least_db, dtype


@pytest.mark.parametrize(
    ("store", "least_db", "most_share"),
    [(storage.store_weights_half, 60, 0.62), (storage.store_weights_int8, 35, 0.45)],
)
def test_small_files_keep_the_picture(store, least_db, most_share, tmp_path: Path) -> None:
    network = drawn(dataclasses.replace(TINY, decoder_widths=(96, 64, 48, 24)))
    named = export.decoder_inputs(network, export.example_inputs(network.config))
    with torch.no_grad():
        expected = network.decoder(*named.values()).numpy()
    full, small = tmp_path / "full.onnx", tmp_path / "small.onnx"
    export.export_decoder(network, full)
    store(full, small)
    engine = ONNX_CPU.load(small, EngineSettings(cache_folder=tmp_path))
    found = engine.run({name: value.numpy() for name, value in named.items()}).copy()
    assert psnr_db(found, expected) >= least_db
    assert small.stat().st_size <= most_share * full.stat().st_size
    with torch.no_grad():
        reloaded = load_decoder(small)(*named.values()).numpy()
    assert np.abs(reloaded - found).max() <= 5e-5
