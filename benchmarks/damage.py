"""Every way to damage a run folder: bytes, values, names, lines, and what is no ordinary file."""

from __future__ import annotations

import json
import os
import random
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RAW = "@@raw@@"  # stands for text that no JSON library would write
VALUES: tuple[str, ...] = (
    *("null", "true", "false", "0", "-0", "-0.0", "-1", "1", "3.5", "1e308", "-1e308", "5e-324"),
    *("1e-300", "1e99", "NaN", "Infinity", "1e999", "9223372036854775807", "9223372036854775808"),
    *("1" + "0" * 400, "1" + "0" * 5000, '""', '"x"', '"[/]"', '"[bold]"', '"=1+1"', "[]", "{}"),
    *("[null]", "[[]]", '{"a": 1}', "[" * 100_000 + "]" * 100_000, '"../../x"', '"0001-01-01"'),
    *('"2026-13-45T00:00:00"', '"9999-12-31T23:59:59+00:00"', '"0001-01-01T00:00:00+00:00"'),
    *('"\\u001b]0;owned\\u0007"', '"\\u202e\\u0000"', '"\\ud800"', '"<script>1</script>"'),
    f'"{"x" * 100_000}"',
)

Apply = Callable[[Path], object]


@dataclass(frozen=True)
class Damage:
    """One way to damage a copy of a folder, by its kind.

    What is `structural` may change what a run says only if it is refused or told.
    """

    kind: str
    what: str
    apply: Apply
    structural: bool = False


def flipped(files: list[Path], folder: Path, rng: random.Random, count: int) -> Iterator[Damage]:
    """Flip, insert and remove bytes, and cut files off."""
    for _ in range(count):
        name = rng.choice(files)
        data = bytearray((folder / name).read_bytes())
        where, how = rng.randrange(len(data)), rng.choice(("flip", "insert", "remove", "cut"))
        if how == "flip":
            data[where] ^= 1 << rng.randrange(8)
        elif how == "insert":
            data[where:where] = rng.randbytes(rng.choice((1, 1, 2, 8)))
        elif how == "remove":
            del data[where : where + rng.choice((1, 1, 2, 64))]
        else:
            del data[where:]
        lines = name.name == "records.jsonl"
        yield Damage(f"bytes: {how}", f"{name} at {where}", _writes(name, bytes(data)), lines)


@dataclass(frozen=True)
class Documents:
    """A file of JSON in parts: one document, or one a line."""

    name: Path
    parts: list[bytes]

    @classmethod
    def of(cls, folder: Path, name: Path) -> Documents:
        data = (folder / name).read_bytes()
        return cls(name, data.splitlines() if name.suffix == ".jsonl" else [data.strip()])

    def with_part(self, number: int, text: str) -> Apply:
        """Write the file with one part replaced."""
        parts = [*self.parts[:number], text.encode(), *self.parts[number + 1 :]]
        return _writes(self.name, b"\n".join(parts) + b"\n")


Place = tuple[Documents, int, tuple[Any, ...]]


def revalued(files: list[Path], folder: Path, rng: random.Random, count: int) -> Iterator[Damage]:
    """Put another value at a place of the JSON; the places are drawn from all there are."""
    places = list(_places(files, folder))
    for _ in range(count):
        documents, number, path = rng.choice(places)
        value, document = rng.choice(VALUES), json.loads(documents.parts[number])
        _at(document, path[:-1])[path[-1]] = RAW
        text = _text(document).replace(json.dumps(RAW), value)
        what = f"{documents.name} {number} {path}: {value[:40]}"
        yield Damage("value", what, documents.with_part(number, text))


def renamed(files: list[Path], folder: Path, rng: random.Random, count: int) -> Iterator[Damage]:
    """Remove, misspell, add and double the names of objects."""
    objects = [
        (documents, number, path)
        for documents, number, path in _places(files, folder, of_whole=True)
        if _is_object(_at(json.loads(documents.parts[number]), path))
    ]
    for _ in range(count):
        documents, number, path = rng.choice(objects)
        document = json.loads(documents.parts[number])
        found = _at(document, path)
        key, how = rng.choice(list(found)), rng.choice(("removed", "misspelt", "added", "doubled"))
        NAMING[how](found, key)
        text = _text(document).replace(json.dumps(RAW), json.dumps(key))
        free = set(path) & FREE
        structural = how == "doubled" or (how in ("misspelt", "added") and not free)
        what = f"{documents.name} {number} {path} {key}"
        yield Damage(f"name: {how}", what, documents.with_part(number, text), structural)


FREE = {"values", "options", "labels", "git", "judged", "work", "environment"}  # any name goes

NAMING: dict[str, Callable[[dict[str, Any], str], object]] = {
    "removed": lambda found, key: found.pop(key),
    "misspelt": lambda found, key: found.update({_misspelt(key): found.pop(key)}),
    "added": lambda found, key: found.update(unheard_of=found[key]),
    "doubled": lambda found, key: found.update({RAW: found[key]}),
}


def _misspelt(key: str) -> str:
    return key[:-1] + key[-1:].upper() if key[-1:].islower() else f"{key}_"


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and bool(value)


def relined(files: list[Path], folder: Path, rng: random.Random, count: int) -> Iterator[Damage]:
    """Double, delete, move and contradict lines."""
    journals = [name for name in files if name.name == "records.jsonl"]
    for _ in range(count):
        name = rng.choice(journals)
        lines = (folder / name).read_bytes().splitlines(keepends=True)
        where, other = rng.randrange(len(lines)), rng.randrange(len(lines))
        how = rng.choice(("doubled", "deleted", "moved", "contradicted", "emptied"))
        if how == "doubled":
            lines.insert(other, lines[where])
        elif how == "deleted":
            del lines[where]
        elif how == "moved":
            lines.insert(other, lines.pop(where))
        elif how == "contradicted":
            lines.insert(where, _tenfold(lines[where]))
        else:
            lines.insert(where, b"\n")
        yield Damage(f"line: {how}", f"{name} {where}", _writes(name, b"".join(lines)), True)


def _tenfold(line: bytes) -> bytes:
    """Return a line that says ten times as much of the same."""
    attempt = json.loads(line)
    for measurement in attempt["measurements"]:
        measurement["samples"] = [10 * sample for sample in measurement["samples"]]
    return json.dumps(attempt, separators=(",", ":")).encode() + b"\n"


def recast(files: list[Path], folder: Path, rng: random.Random, count: int) -> Iterator[Damage]:
    """List a case twice, and drop one."""
    for _ in range(count):
        name = rng.choice([name for name in files if name.name == "run.json"])
        manifest = json.loads((folder / name).read_bytes())
        cases, how = manifest["cases"], rng.choice(("doubled", "dropped"))
        where = rng.randrange(len(cases))
        if how == "doubled":
            cases.insert(rng.randrange(len(cases)), cases[where])
        else:
            del cases[where]
        yield Damage(
            f"case: {how}", f"{name} {where}", _writes(name, _text(manifest).encode()), True
        )


def unmeasured(files: list[Path], folder: Path, rng: random.Random, count: int) -> Iterator[Damage]:
    """Take a measurement away, rename it, change its size: what a claim or a chart may miss."""
    journals = [Documents.of(folder, name) for name in files if name.name == "records.jsonl"]
    for _ in range(count):
        documents = rng.choice(journals)
        number = rng.randrange(len(documents.parts))
        attempt = json.loads(documents.parts[number])
        how = rng.choice(list(MEASURED))
        for measurement in rng.sample(attempt["measurements"], len(attempt["measurements"]))[:1]:
            MEASURED[how](attempt["measurements"], measurement, rng)
        what = f"{documents.name} {number}"
        yield Damage(f"measurement: {how}", what, documents.with_part(number, _text(attempt)))


QUANTITIES = ("x", "time", "loss", "fd_x", "traffic_elements", "loss_gap", "peak", "nfe", "=1+1")

MEASURED: dict[str, Callable[[list[Any], dict[str, Any], random.Random], object]] = {
    "gone": lambda every, own, rng: every.remove(own),
    "renamed": lambda every, own, rng: own.update(quantity=rng.choice(QUANTITIES)),
    "negative": lambda every, own, rng: own.update(samples=[-x for x in own["samples"]]),
    "scaled": lambda every, own, rng: own.update(
        samples=[x * 10.0 ** rng.choice((-90, -9, 9, 90)) for x in own["samples"]]
    ),
    "zero": lambda every, own, rng: own.update(samples=[0.0 for _ in own["samples"]]),
    "shortened": lambda every, own, rng: own.update(samples=own["samples"][:1]),
    "unequal": lambda every, own, rng: own.update(samples=own["samples"] + own["samples"][:1]),
}


def unordinary(files: list[Path], folder: Path, rng: random.Random, count: int) -> Iterator[Damage]:
    """Put something else in the place of a file."""
    for _ in range(count):
        name, kind = rng.choice(files), rng.choice(list(PLACED))
        yield Damage(f"file: {kind}", str(name), _places_there(name, kind))


def _places_there(name: Path, kind: str) -> Apply:
    def apply(folder: Path) -> None:
        (folder / name).unlink()
        PLACED[kind](folder / name)

    return apply


def _socket(path: Path) -> None:
    here = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:  # a socket's name must be short
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)


def _sparse(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(1 << 40)


PLACED: dict[str, Apply] = {
    "named pipe": os.mkfifo,
    "folder": Path.mkdir,
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to nothing": lambda path: path.symlink_to("nothing"),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "socket": _socket,
    "a terabyte": _sparse,
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: None,
}


def _writes(name: Path, data: bytes) -> Apply:
    def apply(folder: Path) -> None:
        (folder / name).write_bytes(data)

    return apply


def _text(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))


def _places(files: list[Path], folder: Path, of_whole: bool = False) -> Iterator[Place]:
    """Yield every place of every document, and the documents themselves where asked."""
    for documents in (Documents.of(folder, name) for name in files):
        for number, part in enumerate(documents.parts):
            for path in [*([()] if of_whole else []), *_paths(json.loads(part))]:
                yield documents, number, path


def _paths(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield every place; of a long list the first, one more and the last."""
    if isinstance(document, dict):
        inner: list[Any] = list(document)
    elif isinstance(document, list):
        inner = sorted({0, len(document) // 2, len(document) - 1}) if document else []
    else:
        inner = []
    for key in inner:
        yield (*path, key)
        yield from _paths(document[key], (*path, key))


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        document = document[key]
    return document
