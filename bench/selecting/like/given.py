"""What `--like` names: a `config.json`, a folder with one, or a model that comes along by name."""

from __future__ import annotations

import json
import os
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, NoReturn

from bench.cases.given import given_path
from bench.errors import UserError, in_one_line, unknown
from bench.selecting.like.config import model_of
from bench.selecting.like.fields import shown
from bench.selecting.like.model import Model

MOST_BYTES = 1 << 22  # of a configuration; weights are longer
PLACES = ("config.json", "transformer/config.json")  # in a model's folder, in a pipeline's
GROUP = "touchstone.models"


def model_like(word: str) -> Model:
    """Read the model that a word names; a file or folder of that name comes first."""
    return model_of(word, config_like(word))


def config_like(word: str) -> dict[str, Any]:
    """Read the fields of the configuration that a word names, as they are written."""
    path = given_path(word)
    if os.path.isdir(path):
        return _from_file(word, _within(word, path))
    if os.path.isfile(path):
        return _from_file(word, path)
    published = {point.name: point for point in entry_points(group=GROUP)}
    if word in published:
        return _published(published[word])
    if os.sep in word or word.endswith(".json"):
        raise UserError(f"--like {word}: expected a config.json or its folder, there is none")
    raise UserError(
        f"--like {word}: there is no such file or folder, and {unknown('model', word, published)}"
    )


def _published(point: EntryPoint) -> dict[str, Any]:
    read: dict[str, Any] = point.load()()
    return read


def _within(word: str, folder: Path) -> Path:
    for place in PLACES:
        if os.path.isfile(found := folder / place):
            return found
    raise UserError(f"--like {word}: expected {' or '.join(PLACES)} in the folder, there is none")


def _from_file(word: str, path: Path) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"--like {word}: cannot be read: {error.strerror}") from error
    if len(raw) > MOST_BYTES:
        raise UserError(
            f"--like {word}: expected a config.json, got more than {MOST_BYTES >> 20} MiB"
        )
    return _object(word, raw)


def _object(word: str, raw: bytes) -> dict[str, Any]:
    try:
        read = json.loads(
            raw.decode("utf-8-sig"), parse_constant=_no_number, object_pairs_hook=_once
        )
    except (ValueError, RecursionError) as error:  # of text, of JSON, of a number's length
        told = in_one_line(str(error))
        raise UserError(f"--like {word}: expected a configuration in JSON: {told}") from error
    if not isinstance(read, dict):
        raise UserError(f"--like {word}: expected an object of fields in JSON, got {shown(read)}")
    return read


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number in JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a field that is there twice: the last would win in silence."""
    read = dict(pairs)
    if len(read) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice} is there twice")
    return read
