"""JSON is read in one pass over its numbers: what comes of it is what a plain decoder says."""

from __future__ import annotations

import dataclasses
import json

import msgspec
import pytest

from bench.cases.case import Attempt, Measurement, Window
from bench.errors import UserError
from bench.store.manifest import Manifest
from bench.store.strict import decode
from bench.system.own import ROOT
from tests.store.written_runs import attempt, manifest

PUBLISHED = sorted((ROOT / "reports" / "published").glob("*/run.json"))


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.parent.name)
def test_published_files_are_what_a_plain_decoder_reads(path: object) -> None:
    data = path.read_bytes()  # type: ignore[attr-defined]
    assert decode(data, Manifest, "") == msgspec.json.decode(data, type=Manifest)


@pytest.mark.parametrize(
    "samples", [[], [1], [0.1, 2e-9, 1e100], [-1.0, 0.0], [0.1] * 1000], ids=len
)
def test_an_attempt_is_what_a_plain_decoder_reads(samples: list[float]) -> None:
    made = dataclasses.replace(
        attempt(),
        measurements=[Measurement("time", "s", samples), Measurement("x", "1", samples, rank=2)],
        window=Window(1.0, 2.0, 3, 0.5),
        labels={'"samples":[': '"samples":[1', "]": "["},
    )
    data = msgspec.json.encode(made)
    assert decode(data, Attempt, "") == msgspec.json.decode(data, type=Attempt) == made


DOUBLED = [
    '{"a": 1, "a": 2}',
    '{"samples":[1, 2], "samples":[3]}',
    '{"samples":[{"a": 1, "a": 2}]}',
    '{"samples":[[1], {"a": 1, "a": 2}]}',
    '{"samples":[1, 2, {"b": {"a": 1, "a": 1}}]}',
    '{"samples":["]", {"a": 1, "a": 2}]}',
    r'{"x\"samples":[1], "x\"samples":[2]}',
    '{"samples":[], "b": {"samples":[1], "a": 1, "a": 2}}',
]
ONCE = [
    '{"samples":[1, 2], "Samples":[1]}',
    '{"samples":[[1, 2], [3, [4]]], "a": 1}',
    '{"samples":["]", "{", 1], "a": {"samples":[]}}',
    r'{"\"samples\":[1]": 1, "\"samples\":[2]": 2}',
    r'{"a": "\"samples\":[1,", "b": "\"samples\":[2"}',
    '{"samples":[{"a": 1}, {"a": 2}]}',
]


@pytest.mark.parametrize("state", DOUBLED)
def test_a_name_that_stands_twice_is_refused_wherever_it_stands(state: str) -> None:
    with pytest.raises(UserError, match="twice"):
        decode(_with_git(state), Manifest, "")


@pytest.mark.parametrize("state", ONCE)
def test_nothing_else_is(state: str) -> None:
    assert decode(_with_git(state), Manifest, "").git == json.loads(state)


def _with_git(state: str) -> bytes:
    """Return a manifest whose `git`, which may be anything, is as given."""
    plain = dataclasses.asdict(manifest(git={"here": 0}))
    return json.dumps(plain).replace('{"here": 0}', state).encode()
