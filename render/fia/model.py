"""The two files of a FIA network: what runs once a portrait, and what runs for each frame."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from core.errors import ConfigError, ModelError
from core.onnx_session import open_session
from render.engines.identity import model_hash
from render.fia.config import FiaConfig

ENROLMENT_SUFFIX = "_enrolment.onnx"
DECODER_SUFFIX = "_decoder.onnx"


@dataclass(frozen=True)
class FiaModel:
    """A network on disk.

    Attributes:
        enrolment: ONNX file, (source, reference) to the decoder's constant inputs.
        decoder: ONNX file that paints a frame.
        config: What both were built from.
        hash: Changes with either file.
    """

    enrolment: Path
    decoder: Path
    config: FiaConfig
    hash: str

    @classmethod
    def open(cls, decoder: Path) -> "FiaModel":
        """Find the pair of files that `decoder` ("NAME_decoder.onnx") belongs to.

        Raises:
            ModelError: A file is missing, or they do not belong together.
        """
        if not decoder.name.endswith(DECODER_SUFFIX):
            raise ModelError(
                "{file} is not a FIA decoder (NAME{suffix}).",
                file=decoder.name, suffix=DECODER_SUFFIX,
            )  # fmt: skip
        name = decoder.name.removesuffix(DECODER_SUFFIX)
        enrolment = decoder.with_name(name + ENROLMENT_SUFFIX)
        configs = [_read_config(path) for path in (decoder, enrolment)]
        if configs[0] != configs[1]:
            raise ModelError(
                "{file} and {other} do not belong together.",
                file=decoder.name, other=enrolment.name,
            )  # fmt: skip
        both = model_hash(decoder) + model_hash(enrolment)
        return cls(enrolment, decoder, configs[0], hashlib.sha256(both.encode()).hexdigest())


def _read_config(path: Path) -> FiaConfig:
    if not path.is_file():
        raise ModelError("The network file {path} is missing.", path=path)
    described = open_session(path).get_modelmeta().custom_metadata_map
    try:
        return FiaConfig.from_json(described["fia_config"])
    except (KeyError, ConfigError) as error:
        raise ModelError(
            "{file} is not a FIA network ({reason}).", file=path.name, reason=error
        ) from error
