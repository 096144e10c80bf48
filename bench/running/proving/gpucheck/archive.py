"""One archive to send back: findings, logs and run folders, and nothing that tells whose they are.

Run folders are fit to publish as they are written. Logs of drivers and libraries may name devices:
what looks like one is replaced in every file.
"""

from __future__ import annotations

import io
import json
import math
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

from bench.machine import facts as machine
from bench.running.proving.gpucheck import words
from bench.running.proving.gpucheck.finding import Finding
from bench.running.proving.gpucheck.one import FILE
from bench.sides.checkout import git_state, publishable
from bench.sides.redaction import without_devices
from bench.system.log import read_log

_ADDRESSES = ((re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b"), "<address>"),)

SCHEMA = 1
TEXT = (".json", ".jsonl", ".csv", ".txt", ".html", ".md")
RUNS = "runs"


def keep(findings: Sequence[Finding], output: Path, folder: Path) -> Path:
    """Write the archive; its name tells when it was made, and nothing of the machine."""
    path = output / f"gpucheck-{datetime.now(UTC):%Y%m%d-%H%M%S}-{token_hex(2)}.tar.gz"
    facts = {
        "schema": SCHEMA,
        "environment": machine.facts(),
        "git": git_state(),
        "findings": [plain(finding) for finding in findings],
    }
    texts = {
        "gpucheck.json": without_devices(json.dumps(facts, indent=1) + "\n"),
        "gpucheck.txt": anonymous(words.text(findings)),
    }
    write(path, texts, {each.name: each for each in sorted(folder.iterdir())})
    return path


def plain(finding: Finding) -> dict[str, Any]:
    """Return a finding as strict JSON has it, fit to send: a bound that is none is left out."""
    told = asdict(finding) | {"detail": anonymous(finding.detail)}
    told["figures"] = [
        {"word": figure.word}
        | {name: value for name, value in asdict(figure).items() if _is_told(value)}
        for figure in finding.figures
    ]
    return told


def _is_told(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


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
            if not _is_kept(path):
                continue
            place = path.relative_to(folder)
            if place.parts[0] == RUNS:
                text = path.read_text(encoding="utf-8", errors="replace")
                yield f"{trial}/{place}", without_devices(text)
            else:
                yield f"{trial}/{place}", anonymous(read_log(path))


def _is_kept(path: Path) -> bool:
    """Say whether a file is text of a trial's own; its finding is in the summary already."""
    ordinary = path.is_file() and not path.is_symlink()
    return ordinary and path.suffix in TEXT and path.name != FILE


def _add(tar: tarfile.TarFile, name: str, text: str) -> None:
    """Add a file of nobody's: an archive tells who made it, and when, of every file."""
    data = text.encode("utf-8", errors="backslashreplace")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), 0o644
    tar.addfile(entry, io.BytesIO(data))
