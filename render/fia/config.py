"""What a FIA network looks like: sizes, switches and the named presets."""

import dataclasses
import json
from dataclasses import dataclass
from typing import Literal

from core.errors import ConfigError

Alignment = Literal["attention", "flow", "deformation"]
Modulation = Literal["per_layer", "shared"]
Crop = Literal["face", "lower_face"]
MaskKind = Literal["learned", "naive"]


@dataclass(frozen=True, kw_only=True)
class FiaConfig:
    """Shape of one network; validated on construction.

    Attributes:
        name: Preset the values started from.
        size_px: Side of the square picture that goes in and comes out.
        output_shuffle: Pictures are folded to `size_px / output_shuffle` with `output_shuffle**2`
            times the channels on the way in, and unfolded on the way out (1: not folded).
        encoder_widths: Channels of each encoder level, finest first.
        encoder_blocks: Residual blocks of each encoder level.
        decoder_widths: Channels of each decoder level, coarsest first.
        decoder_blocks: AdaIN residual blocks of each decoder level, coarsest first.
        aligned_levels: How many of the coarsest levels look at the reference.
        alignment: How they do: cross-attention (the paper), or the alternatives of its table 7,
            warping by a predicted flow (IP-LAP) or channel-wise affine deformation (DINet, G4G).
        heads: Attention heads at most; a head has at least 32 channels.
        modulation: One network from coefficients to AdaIN parameters for each layer (the paper),
            or one shared trunk with a linear head.
        alpha_size: Identity coefficients.
        beta_size: Expression coefficients.
        rho_size: Head pose coefficients.
        guided: The network corrects a rendered picture by a residual, instead of inventing the
            region.
        detail_px: In guided mode, changes broader than this are taken out again, so that every
            place keeps the guide's colour and no veil can lie over it; 0 leaves them in.
        light_only: In guided mode, a change makes the guide lighter or darker by a share of itself:
            hues stay, black stays black.
        crop: The part of the face it sees.
        mask: Which pixels it may change: the region under the moved mesh, or the lower half.
        keep_mouth: With the learned mask, what shows between the lips stays the guide's: teeth that
            nobody has seen can only be guessed, and a network guesses their average.
    """

    name: str
    size_px: int
    output_shuffle: int = 1
    encoder_widths: tuple[int, ...]
    encoder_blocks: int = 2
    decoder_widths: tuple[int, ...]
    decoder_blocks: tuple[int, ...]
    aligned_levels: int = 2
    alignment: Alignment = "attention"
    heads: int = 8
    modulation: Modulation = "per_layer"
    alpha_size: int = 80
    beta_size: int = 64
    rho_size: int = 6
    guided: bool = False
    detail_px: int = 0
    light_only: bool = False
    crop: Crop = "face"
    mask: MaskKind = "learned"
    keep_mouth: bool = False

    def __post_init__(self) -> None:
        """Refuse shapes that cannot be built."""
        levels = len(self.decoder_widths)
        if len(self.encoder_widths) != levels or len(self.decoder_blocks) != levels:
            raise ConfigError(
                f"FIA preset '{self.name}': encoder_widths, decoder_widths and decoder_blocks "
                f"must have the same length, not {len(self.encoder_widths)}, {levels} and "
                f"{len(self.decoder_blocks)}."
            )
        fold = self.output_shuffle * 2 ** (levels - 1)
        if self.size_px % fold:
            raise ConfigError(
                f"FIA preset '{self.name}': {self.size_px} px cannot be halved {levels - 1} times "
                f"after folding by {self.output_shuffle}; choose a multiple of {fold}."
            )
        if not 0 <= self.aligned_levels <= levels:
            raise ConfigError(
                f"FIA preset '{self.name}': aligned_levels must be 0 to {levels}, "
                f"not {self.aligned_levels}."
            )
        if self.detail_px and (self.size_px % self.detail_px or not self.guided):
            raise ConfigError(
                f"FIA preset '{self.name}': detail_px must divide {self.size_px} and needs a guide."
            )
        if self.keep_mouth and (self.mask != "learned" or not self.guided):
            raise ConfigError(
                f"FIA preset '{self.name}': keep_mouth needs a guide and the learned mask."
            )

    @property
    def coefficient_size(self) -> int:
        """Length of [alpha, beta, rho]."""
        return self.alpha_size + self.beta_size + self.rho_size

    def level_side_px(self, level: int) -> int:
        """Side of the feature maps of a decoder level (0: coarsest)."""
        finest = self.size_px // self.output_shuffle
        return finest >> (len(self.decoder_widths) - 1 - level)

    def to_json(self) -> str:
        """As one line of JSON; `from_json` reads it back."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "FiaConfig":
        """Read what `to_json` wrote.

        Raises:
            ConfigError: The text is not a description of a network.
        """
        try:
            values = json.loads(text)
            for key in ("encoder_widths", "decoder_widths", "decoder_blocks"):
                values[key] = tuple(values[key])
            return cls(**values)
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"Not a description of a FIA network ({error}).") from error


def paper(blocks: int = 2) -> FiaConfig:
    """The published network, with `blocks` residual blocks after the first AdaIN block a level."""
    return FiaConfig(
        name="paper",
        size_px=256,
        encoder_widths=(32, 64, 128, 256, 512),
        decoder_widths=(512, 256, 128, 64, 32),
        decoder_blocks=(blocks + 1,) * 5,
    )


def _small(
    name: str,
    size_px: int,
    encoder_widths: tuple[int, ...],
    decoder_widths: tuple[int, ...],
    decoder_blocks: tuple[int, ...],
    encoder_blocks: int = 2,
) -> FiaConfig:
    """A network of ours: guided, on the lower face, folded by two, one trunk for all AdaINs."""
    return FiaConfig(
        name=name,
        size_px=size_px,
        output_shuffle=2,
        encoder_widths=encoder_widths,
        encoder_blocks=encoder_blocks,
        decoder_widths=decoder_widths,
        decoder_blocks=decoder_blocks,
        modulation="shared",
        alpha_size=80,
        beta_size=52,
        guided=True,
        crop="lower_face",
    )


PRESETS: dict[str, FiaConfig] = {
    config.name: config
    for config in (
        paper(),
        _small("laptop", 256, (32, 64, 128, 256), (256, 192, 96, 48), (2, 2, 2, 1)),
        _small("compact", 160, (24, 48, 96, 192), (192, 128, 64, 32), (2, 2, 1, 1)),
        _small("pocket", 160, (16, 32, 64, 96), (96, 64, 48, 24), (1, 1, 1, 1), encoder_blocks=1),
    )
}
"""`paper` for GPUs, `laptop` for small GPUs, `compact` for one core of a new CPU, `pocket` for one
core of an old one."""
