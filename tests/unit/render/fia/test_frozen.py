"""The decoder rearranged for inference says what the decoder says."""

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="needs the extra [train]")
pytest.importorskip("onnx", reason="needs the extra [train]")

from render.fia.config import PRESETS  # noqa: E402
from render.fia.frozen import freeze  # noqa: E402
from render.fia.network import FoldedConv, Upsample  # noqa: E402
from tests.fia_network import drawn  # noqa: E402
from weights.training.fia import export  # noqa: E402

SMALL = {"size_px": 64, "encoder_widths": (8, 8, 16, 32), "decoder_widths": (64, 16, 8, 8)}
PAPER_STYLE = {"decoder_blocks": (2, 1, 1, 1), "modulation": "per_layer", "guided": False}


@pytest.mark.parametrize("changes", [{}, PAPER_STYLE], ids=["shared", "a network a layer"])
def test_same_results(changes: dict[str, object]) -> None:
    network = drawn(dataclasses.replace(PRESETS["compact"], **SMALL, **changes))
    inputs = export.example_inputs(network.config, batch=3)
    named = export.decoder_inputs(network, inputs)
    frozen = freeze(network.decoder)
    with torch.no_grad():
        expected = network.decoder(*named.values())
        assert (frozen(*named.values()) - expected).abs().max() <= 1e-5
    assert not any(isinstance(one, FoldedConv | Upsample) for one in frozen.modules())
    assert any(isinstance(one, Upsample) for one in network.decoder.modules())


def test_stays_where_it_is() -> None:
    decoder = drawn(dataclasses.replace(PRESETS["compact"], **SMALL)).decoder
    assert {one.dtype for one in freeze(decoder.double()).parameters()} == {torch.float64}
    assert {one.device.type for one in freeze(decoder.to("meta")).parameters()} == {"meta"}
