"""One archive to send back: findings, logs and run folders, and nothing that tells whose they are.

Run folders are fit to publish as they are written. Logs of drivers and libraries may name devices:
what looks like one is replaced in every file.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

from bench.checkout import publishable
from bench.log import read_log
from bench.redaction import without_devices

_ADDRESSES = ((re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"), "<address>"),)

TEXT = (".json", ".jsonl", ".csv", ".txt", ".html", ".md")
RUNS = "runs"


def anonymous(text: str) -> str:
    """Replace paths, names of host and user, devices and addresses, in what a program said."""
    for pattern, mark in _ADDRESSES:
        text = pattern.sub(mark, text)
    return publishable(text)


def write(archive: Path, told: dict[str, str], folders: dict[str, Path]) -> None:
    """Write texts by name, and the files that trials left in their folders."""
    with tarfile.open(archive, "x:gz") as tar:
        for name, text in told.items():
            _add(tar, f"{archive.name.partition('.')[0]}/{name}", text)
        for name, text in _files(folders):
            _add(tar, f"{archive.name.partition('.')[0]}/{name}", text)


def _files(folders: dict[str, Path]) -> Iterator[tuple[str, str]]:
    for trial, folder in folders.items():
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file() or path.suffix not in TEXT:
                continue
            place = path.relative_to(folder)
            if place.parts[0] == RUNS:
                text = path.read_text(encoding="utf-8", errors="replace")
                yield f"{trial}/{place}", without_devices(text)
            else:
                yield f"{trial}/{place}", anonymous(read_log(path))


def _add(tar: tarfile.TarFile, name: str, text: str) -> None:
    """Add a file of nobody's: an archive tells who made it, and when, of every file."""
    data = text.encode("utf-8", errors="backslashreplace")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o644
    tar.addfile(entry, io.BytesIO(data))
