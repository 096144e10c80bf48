"""Structure in a comparison: no statistics, told always, failing where that is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.checking.structure.structure import Structure
from bench.judging.comparing.comparison import exit_code
from bench.judging.comparing.quantities import DEFAULT_GATE, STRUCTURE
from bench.judging.record import fold
from reports.comparison.lines import note, parts, verdict_line
from reports.comparison.markdown import markdown
from reports.comparison.page import render
from reports.comparison.table import table
from reports.shown import shown
from reports.table import table as results
from tests.judging.made_pairs import compared, paired, row_of
from tests.made_runs import Made, make

BASE = Structure(operators={"mm float32": 1}, allocations=1, allocated_bytes=8)
NEW = Structure(operators={"mm bfloat16": 1}, allocations=1, allocated_bytes=4)
WORDS = "bfloat16 where float32 was (mm)"


def made(structure: Structure | None, **more: object) -> list[Made]:
    return [Made("v", structure=structure, **more)]  # type: ignore[arg-type]


def test_the_same_is_the_same(tmp_path: Path) -> None:
    row = row_of(paired(tmp_path, made(BASE), made(BASE)), "v", STRUCTURE)
    assert (row.verdict, row.why) == ("same", "")


def test_a_difference_is_told_everywhere_and_fails_where_asked(tmp_path: Path) -> None:
    found = paired(tmp_path, made(BASE), made(NEW))
    row = row_of(found, "v", STRUCTURE)
    assert row.verdict == "changed"
    assert row.why.startswith(WORDS)
    assert row in parts(found).told
    assert "structure 1 changed" in verdict_line(found, DEFAULT_GATE)
    assert WORDS in markdown([found], DEFAULT_GATE)
    assert WORDS in render([found], DEFAULT_GATE)
    (line,) = table([found], DEFAULT_GATE).query("group == 'structure'").to_dict("records")
    assert (line["verdict"], line["regression"]) == ("changed", False)
    assert line["why"].startswith(WORDS)
    assert exit_code([found]) == 0
    assert exit_code([found], (*DEFAULT_GATE, STRUCTURE)) == 1


def test_many_differences_are_told_by_those_that_tell_most(tmp_path: Path) -> None:
    busy = Structure({"add float32": 3}, host_reads={"item": 1}, flops=1, bytes_read=1)
    found = paired(tmp_path, made(Structure({"mm float32": 1})), made(replace(busy, graphs=2)))
    told = note(row_of(found, "v", STRUCTURE))
    assert told.startswith("eager → compiled: 0 compiled graphs became 2; +1 read by the host")
    assert told.endswith("; 1 more in comparison.csv")
    assert "more in" not in row_of(found, "v", STRUCTURE).why


def test_what_can_no_longer_be_watched_has_changed(tmp_path: Path) -> None:
    labels = {"clock": "monotonic", "structure_not_seen": "it refused"}
    found = paired(tmp_path, made(BASE), made(None, labels=labels))
    row = row_of(found, "v", STRUCTURE)
    assert (row.verdict, row.why) == ("changed", "not recorded in NEW: it refused")
    assert exit_code([found], (STRUCTURE,)) == 1


@pytest.mark.parametrize(("base", "new", "side"), [(BASE, None, "NEW"), (None, NEW, "BASE")])
def test_one_side_alone_says_nothing(
    tmp_path: Path, base: Structure | None, new: Structure | None, side: str
) -> None:
    found = paired(tmp_path, made(base), made(new))  # one of them recorded before this was
    row = row_of(found, "v", STRUCTURE)
    assert (row.verdict, row.why) == ("not comparable", f"not recorded in {side}")
    assert exit_code([found], (STRUCTURE,)) == 0


def test_runs_of_before_have_no_row(tmp_path: Path) -> None:
    found = paired(tmp_path, made(None), made(None))
    assert not [row for row in found.rows if row.quantity == STRUCTURE]


def test_another_torch_is_told_and_not_judged(tmp_path: Path) -> None:
    sides = [
        make(tmp_path / name, made(structure), environment={"torch": torch})
        for name, structure, torch in (("base", BASE, "2.1"), ("new", NEW, "2.2"))
    ]
    row = row_of(compared(*sides), "v", STRUCTURE)
    assert row.verdict == "not comparable"
    assert row.why.startswith(f"torch 2.1 → 2.2: {WORDS}")


def test_another_machine_may_take_other_buffers(tmp_path: Path) -> None:
    more = Structure(operators=BASE.operators, allocations=2, allocated_bytes=16)
    there = make(tmp_path / "there", made(more), environment={"machine_id": "another"})
    here = make(tmp_path / "here", made(BASE))
    again = make(tmp_path / "again", made(more))
    assert row_of(compared(here, there, force=True), "v", STRUCTURE).verdict == "same"
    assert row_of(compared(here, again), "v", STRUCTURE).verdict == "changed"


def test_the_results_tell_what_was_counted_beside_what_is_declared(tmp_path: Path) -> None:
    did = Structure({"mm float32": 2, "add float32": 1}, flops=64, host_reads={"item": 3})
    run = make(tmp_path / "run", [*made(did), Made("blind")])
    rows = results(run, fold(run)).set_index("variant")
    assert rows.loc["v", ["operators", "counted_flops", "host_reads"]].tolist() == [3, 64, 3]
    assert rows.loc["v", "structure"] == did.digest
    assert rows.loc["blind", ["operators", "structure"]].isna().all()
    assert not {"structure", "operators"} & {*shown(results(run, fold(run)), fold(run))}
    before = make(tmp_path / "before", made(None))
    assert "operators" not in results(before, fold(before))
