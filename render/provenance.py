"""What a rendered file says about itself: that it is synthetic, of what, by what and when.

Every container carries a sentence for people (tag `comment`) and a JSON record for programs (tag
`description`). MP4 files carry an XMP packet as well, with the IPTC digital source type that
media tools look for. Nothing is signed: a C2PA manifest needs a certificate of the signer's own,
and whoever removes tags can remove these.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import av

from core.errors import MediaError
from core.types import ImageArray

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's name for media made by a trained model."""

_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
"""Names the MP4 box that holds XMP (XMP specification, part 3, MPEG-4)."""

_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
   xmlns:xmp="http://ns.adobe.com/xap/1.0/"
   xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
   xmlns:realtalk="urn:realtalk-cam:provenance:1"
   xmp:CreatorTool={software}
   xmp:CreateDate={created}
   Iptc4xmpExt:DigitalSourceType={source_type}
   realtalk:PortraitSHA256={portrait}/>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="r"?>"""


def _software() -> str:
    try:
        return f"RealTalk Cam {metadata.version('realtalk-cam')}"
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "RealTalk Cam"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """The origin of a video.

    Attributes:
        software: Name and version of the program.
        created: When rendering started, with a time zone.
        portrait_sha256: Hash of the portrait's pixels (see `hash_picture`), or "" when unknown.
    """

    software: str = field(default_factory=_software)
    created: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    portrait_sha256: str = ""

    def tags(self) -> dict[str, str]:
        """Metadata entries every container understands."""
        record = {
            "synthetic": True,
            "digital_source_type": DIGITAL_SOURCE_TYPE,
            "software": self.software,
            "created": self.created.isoformat(),
            "portrait_sha256": self.portrait_sha256,
        }
        return {
            "comment": f"Synthetic media: a portrait animated by {self.software}.",
            "description": json.dumps(record),
            "creation_time": self.created.astimezone(UTC).isoformat(),
        }

    def xmp(self) -> str:
        """The record as an XMP packet."""
        return _XMP.format(
            software=quoteattr(self.software),
            created=quoteattr(self.created.isoformat()),
            source_type=quoteattr(DIGITAL_SOURCE_TYPE),
            portrait=quoteattr(self.portrait_sha256),
        )

    def append_to(self, path: Path) -> None:
        """Append the XMP packet, as a top-level box, to a finished MP4 file; raises OSError."""
        body = b"uuid" + _XMP_UUID + self.xmp().encode()
        with path.open("ab") as file:
            file.write((len(body) + 4).to_bytes(4, "big") + body)


def hash_picture(rgb: ImageArray) -> str:
    """SHA-256 of a picture's size and pixels, independent of its file format.

    Args:
        rgb: Shape (H, W, 3), uint8.
    """
    digest = hashlib.sha256(repr(rgb.shape).encode())
    digest.update(rgb.tobytes())
    return digest.hexdigest()


def read_provenance(path: str | Path) -> Provenance | None:
    """Read what a video says about itself, or None where it says nothing that we know.

    Raises:
        MediaError: The file cannot be read.
    """
    try:
        with av.open(f"file:{path}", metadata_errors="ignore") as container:
            tags = {key.lower(): value for key, value in container.metadata.items()}
    except (av.FFmpegError, OSError) as error:
        raise MediaError(
            "{path} cannot be read as a video: {reason}", path=path, reason=error
        ) from error
    return _parse(tags.get("description", ""))


def _parse(text: str) -> Provenance | None:
    try:
        record: dict[str, Any] = json.loads(text)
        if record["digital_source_type"] != DIGITAL_SOURCE_TYPE:
            return None
        return Provenance(
            software=str(record["software"]),
            created=datetime.fromisoformat(record["created"]),
            portrait_sha256=str(record["portrait_sha256"]),
        )
    except (ValueError, TypeError, KeyError):
        return None
