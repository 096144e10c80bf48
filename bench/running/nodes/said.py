"""What a node says of itself before anything is timed, and how two nodes differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.cases.case import Case
from bench.errors import UserError
from bench.judging.surroundings import apart, gpus_apart
from bench.machine import facts as machine
from bench.sides.checkout import at_work, git_state, publishable, published
from bench.sides.server import Server
from bench.sides.side import Side
from bench.system.own import ROOT

Said = dict[str, Any]

VERSIONS = ("python", "torch", "cuda")
HARDWARE = ("cpu", "cores", "memory_bytes", "kernel", "libc")
# What tells a node's own ways and devices: it may be another on each.
_OWN = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME", "NCCL_IB_HCA", "CUDA_VISIBLE_DEVICES")
_MISSING = "missing"


def said_by(side: Side, server: Server, cases: list[Case], device: str) -> Said:
    """Return versions, sources, data and surroundings of this node, for these cases."""
    server.expect_device(device)
    told = server.surroundings(device)
    settings = machine.settings(told["variables"], side)
    environment = {**machine.facts(), **side.libraries(), **server.hello}
    known = [at_work(case, side) for case in cases]
    return {
        "environment": {**environment, "effective": told["facts"], "settings": settings},
        "instrument": _of_files(ROOT / "bench", "*.py"),
        "commit": str(git_state().get("commit", "none"))[:12],
        "changed": [publishable(module, side) for module in server.changed_sources(known)],
        "data": {path: digest(_here(path)) for path in files_of(cases)},
    }


def differences(here: Said, there: Said, device: str) -> Iterator[str]:
    """Say what differs and may not: versions, sources, data, variables and what these did."""
    ours, theirs = here["environment"], there["environment"]
    for name in VERSIONS:
        yield from _pair(name, ours.get(name), theirs.get(name))
    libraries, others = ours.get("libraries", {}), theirs.get("libraries", {})
    for name in sorted(libraries.keys() | others.keys()):
        yield from _pair(name, libraries.get(name, "none"), others.get(name, "none"))
    if here["instrument"] != there["instrument"]:
        yield f"the checkout's bench/ is another (commit {here['commit']}, {there['commit']})"
    for module in there["changed"]:
        yield f"the source of {module} is another"
    for path, found in here["data"].items():
        if there["data"].get(path) != found:
            kind = _MISSING if there["data"].get(path) == _MISSING else "another"
            yield f"{path} is {kind} there"
    for name, pair in apart(ours, theirs).items():
        if name not in _OWN:
            yield from _pair(name, *pair)
    if device != "cpu":
        for name, pair in gpus_apart(ours, theirs).items():
            yield from _pair(name, *pair)


def other_hardware(here: Said, there: Said) -> Iterator[str]:
    """Say what differs and may, since nodes of one kind differ in it at times."""
    for name in HARDWARE:
        yield from _pair(name, here["environment"].get(name), there["environment"].get(name))


def facts_of(said: Said) -> Said:
    """Return what a run keeps of another node."""
    kept = (*HARDWARE, "cores_usable", "gpus", "effective")
    return {name: said["environment"][name] for name in kept if name in said["environment"]}


def _pair(name: str, ours: Any, theirs: Any) -> Iterator[str]:
    if ours != theirs:
        yield f"{name} is {theirs} there, {ours} on node 0"


def files_of(cases: Iterable[Case]) -> list[str]:
    """List the files and folders that the cases' values and options name, as they are written."""
    found = set()
    for case in cases:
        here = at_work(case)
        for group in ("values", "options"):
            told = asdict(published(case))[group]
            for name, value in here[group].items():
                if isinstance(value, str) and Path(value).is_absolute() and _exists(value):
                    found.add(told[name])
    return sorted(found)


def _exists(path: str) -> bool:
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def _here(path: str) -> Path:
    """Return where this machine has a file that is written so."""
    case = at_work(Case("", "", "", "", {"path": path}))
    return Path(case["values"]["path"])


def digest(path: Path) -> str:
    """Return a digest of a file, or of all files in a folder with their names."""
    try:
        if path.is_dir():
            return _of_files(path, "*")
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return _MISSING
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def _of_files(folder: Path, pattern: str) -> str:
    paths = sorted(path for path in folder.rglob(pattern) if path.is_file())
    each = [(str(path.relative_to(folder)), digest(path)) for path in paths]
    return hashlib.sha256(json.dumps(each).encode()).hexdigest()
