"""Finds the weights that came with the program and makes sure they are the right ones."""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

from core.errors import WeightsError

FOLDER = Path(__file__).resolve().parent
MANIFEST = FOLDER / "manifest.json"


def path(name: str, folder: Path = FOLDER) -> Path:
    """The verified file of a weights entry.

    Args:
        name: File name in the manifest, such as "face_model.npz".
        folder: Where the weights and their `manifest.json` lie.

    Raises:
        WeightsError: The manifest does not know the name, or the file is missing or altered.
    """
    entry = _manifest(folder).get(name)
    if entry is None:
        raise WeightsError(
            "The weights '{name}' are not in {folder}.", name=name, folder=folder / MANIFEST.name
        )
    file = folder / name
    if not file.is_file():
        raise WeightsError(
            "The weights file {file} is missing. Install the program again.", file=file
        )
    found = sha256(file)
    if found != entry["sha256"]:
        raise WeightsError(
            "The weights file {file} is not the one this version came with (SHA-256 "
            "{found}…, expected {entry}…). Install the program again.",
            file=file,
            found=found[:12],
            entry=entry["sha256"][:12],
        )
    return file


def sha256(file: Path) -> str:
    """Hex digest of a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _manifest(folder: Path) -> dict[str, dict[str, Any]]:
    try:
        entries = json.loads((folder / MANIFEST.name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsError(
            "The list of weights {folder} cannot be read ({reason}). Install the program again.",
            folder=folder / MANIFEST.name,
            reason=error,
        ) from error
    if not isinstance(entries, dict):
        raise WeightsError(
            "The list of weights {folder} is not a JSON object.", folder=folder / MANIFEST.name
        )
    return entries


def update(folder: Path = FOLDER) -> list[str]:
    """Write the digests of the files the manifest names, and add new ones; returns the changes."""
    entries = _manifest(folder) if (folder / MANIFEST.name).is_file() else {}
    changed = []
    for file in sorted([*folder.glob("*.npz"), *folder.glob("*.onnx")]):
        entry = entries.setdefault(file.name, {"licence": "Apache-2.0", "about": ""})
        digest = sha256(file)
        if entry.get("sha256") != digest:
            entry["sha256"] = digest
            changed.append(file.name)
    text = json.dumps(dict(sorted(entries.items())), indent=2, ensure_ascii=False) + "\n"
    (folder / MANIFEST.name).write_text(text, encoding="utf-8")
    return changed


def main() -> int:
    """`python -m weights.store [--update]`: check the files, or record new ones."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--update", action="store_true", help="record the files as they are")
    if parser.parse_args().update:
        print("recorded:", ", ".join(update()) or "nothing new")
    for name in _manifest(FOLDER):
        print("ok", path(name))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
