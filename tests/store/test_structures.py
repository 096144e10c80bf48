"""What calls did lies in a table of its own, found by digest: shared, resumed, and safely lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.cases.case import Attempt
from bench.checking.structure.structure import Structure
from bench.errors import UserError
from bench.running.attempts import Attempts
from bench.sides.side import Side
from bench.store import Run, read
from bench.store.structures import lined, structure_of, unlined
from tests.store.written_runs import CASE, recorded

FIRST = Structure(operators={"mm float32": 2, "add float32": 1}, flops=8, allocations=0)
SECOND = Structure(operators={"add float32": 1, "mm float32": 2}, flops=8)
LONG = Structure(operators={f"mine::operator_{n} float32": n for n in range(300)}, flops=8)
PUBLISHED = Path(__file__).parents[2] / "reports/published"


def with_memory(parent: Path, structure: Structure = FIRST) -> Run:
    run = recorded(parent, ended=False)
    run.append(Attempt(CASE.id, "memory", 0, 0, "ok", structure=run.keep(structure)))
    return run


@pytest.mark.parametrize("structure", [FIRST, LONG, Structure()])
def test_it_comes_back_as_it_was(tmp_path: Path, structure: Structure) -> None:
    run = with_memory(tmp_path, structure)
    found = read(run.folder)
    assert found.structures == {structure.digest: structure}
    assert list(found.structures[structure.digest].operators) == list(structure.operators)
    assert found.attempts[-1].structure == structure.digest
    assert not found.notices


def test_a_long_one_is_packed_and_a_plain_line_of_it_read_all_the_same(tmp_path: Path) -> None:
    assert b'"packed"' in lined(LONG)
    assert b'"packed"' not in lined(FIRST)
    plain = b'{"digest":"%s","structure":%s}\n' % (LONG.digest.encode(), LONG.encoded())
    assert unlined(plain) == unlined(lined(LONG)) == ({LONG.digest: LONG}, 0)


@pytest.mark.parametrize("table", sorted(PUBLISHED.glob("*/structures.jsonl")), ids=str)
def test_no_published_structure_takes_more_than_2_kb(table: Path) -> None:
    found, damaged = unlined(table.read_bytes())
    assert found
    assert not damaged
    assert max(len(lined(one)) for one in found.values()) <= 2000


DIGEST = f'{{"digest":"{LONG.digest}",'


@pytest.mark.parametrize("rest", ["", '"packed":""', '"packed":"é"', '"packed":"AAAA"'])
def test_a_packed_line_that_is_none_is_left_out(rest: str) -> None:
    line = (DIGEST + rest).rstrip(",") + "}\n"
    assert unlined(line.encode()) == ({}, 1)
    assert unlined(lined(LONG)[:-40] + b'"}\n') == ({}, 1)


def test_equal_structures_are_one_line(tmp_path: Path) -> None:
    run = with_memory(tmp_path)
    assert run.keep(FIRST) == FIRST.digest
    assert run.keep(SECOND) != FIRST.digest  # the order in which operators came first is part of it
    assert len(run.structures_path.read_bytes().splitlines()) == 2


def test_an_attempt_in_the_journal_grows_by_its_digest_alone(tmp_path: Path) -> None:
    run = with_memory(tmp_path)
    with_, without = (
        Attempt(CASE.id, "memory", 0, 0, "ok", structure=digest) for digest in (FIRST.digest, "")
    )
    assert len(msgspec.json.encode(with_)) - len(msgspec.json.encode(without)) == len(FIRST.digest)
    assert run.structures_path.parent == run.records_path.parent


def test_a_lost_table_costs_what_it_held_and_no_more(tmp_path: Path) -> None:
    run = with_memory(tmp_path)
    run.structures_path.unlink()
    found = read(run.folder)
    assert (len(found.attempts), found.structures) == (6, {})
    assert found.notices == [f"{run.structures_path}: what 1 call did is not known"]


def test_an_edited_line_is_left_out(tmp_path: Path) -> None:
    run = with_memory(tmp_path)
    run.structures_path.write_bytes(lined(FIRST).replace(b'"flops":8', b'"flops":9') + b"{]\n")
    found = read(run.folder)
    assert found.structures == {}
    assert "2 damaged lines left out" in found.notices[0]


def test_a_torn_line_is_dropped_by_a_resume(tmp_path: Path) -> None:
    run = with_memory(tmp_path)
    with run.structures_path.open("ab") as stream:
        stream.write(lined(SECOND)[:-9])
    found = read(run.folder)
    assert not found.notices
    found.drop_torn_line()
    found.keep(SECOND)
    assert read(run.folder).structures == {FIRST.digest: FIRST, SECOND.digest: SECOND}


def test_a_run_of_before_has_none(tmp_path: Path) -> None:
    run = recorded(tmp_path)
    assert not run.structures_path.exists()
    assert read(run.folder).structures == {}


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    for plain in ({"operators": {"mm": -1}}, {"unknown": 1}):
        with pytest.raises(UserError, match="what a call did"):
            structure_of(plain)
    run = recorded(tmp_path, ended=False)
    reply: dict[str, Any] = {"structure": {"flops": -1}, "labels": {}}
    assert Attempts(run, Side())._structure(reply) == ""
    assert reply["labels"]["structure_not_seen"].startswith("what a call did")
    assert not run.structures_path.exists()
    assert structure_of(msgspec.to_builtins(FIRST)) == FIRST
    assert unlined(b"") == ({}, 0)
