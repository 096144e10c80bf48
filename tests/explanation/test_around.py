"""What no trace weighs: it is named, and has no share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from bench.cases.case import Measurement
from bench.checking.structure.structure import Structure
from bench.judging.comparing.comparison import Comparison
from bench.store import Run, read
from reports.explanation.cause import Cause, ranked
from reports.explanation.explain import explanations
from reports.explanation.words import lines
from tests.explanation.test_planted_causes import explained
from tests.judging.made_pairs import compared, paired
from tests.made_runs import Made, make

MM = Structure(operators={"mm float32": 1}, allocations=1, allocated_bytes=8)


def apart(folder: Path, base: dict[str, object], new: dict[str, object]) -> Comparison:
    """Return two sides of one pairing in other environments."""
    both = zip("AB", (1e-3, 1.5e-3), (base, new), strict=True)
    runs = [
        make(folder / name, [Made("v", time)], pairing="x", confirm=15, environment=environment)
        for name, time, environment in both
    ]
    return compared(*runs)


def test_surroundings_that_differ_are_named(tmp_path: Path) -> None:
    settings = {"settings": {"OMP_NUM_THREADS": "2"}, "kernel": "6.2"}
    (found,) = explanations(apart(tmp_path, {}, settings))
    (cause,) = found.causes
    assert (cause.sort, cause.share) == ("surroundings", None)
    assert "OMP_NUM_THREADS 1 → 2" in cause.words
    assert "kernel 6.1 → 6.2" in cause.words
    assert found.unexplained == 1


def test_what_was_asked_for_is_no_surroundings(tmp_path: Path) -> None:
    (found,) = explanations(apart(tmp_path, {}, {}))
    assert not found.causes
    base = make(tmp_path / "a", [Made("v")], pairing="y", confirm=15)
    new = make(
        tmp_path / "b",
        [Made("v", 2e-3)],
        pairing="y",
        confirm=15,
        preset="quick",
        git={"commit": "beef" * 10, "dirty": True},
    )
    (found,) = explanations(compared(base, new))
    assert not found.causes


def read_while_timed(run: Run, quantity: str, unit: str, values: list[float]) -> Run:
    """Add readings of a GPU to the timed attempts of a run."""
    reading = Measurement(quantity, unit, values)
    told = [
        replace(a, measurements=[*a.measurements, reading]) if a.role == "time" else a
        for a in run.attempts
    ]
    run.records_path.write_bytes(b"\n".join(map(msgspec.json.encode, told)) + b"\n")
    return read(run.folder)


@pytest.mark.parametrize(
    ("base", "new", "words"),
    [
        ([1980.0, 1979.0], [1500.0, 1510.0], "SM clock 1980 → 1505 MHz"),
        ([1980.0, 1979.0], [1979.0, 1980.0], ""),
    ],
)
def test_clocks_are_named_where_no_round_agrees(
    tmp_path: Path, base: list[float], new: list[float], words: str
) -> None:
    runs = [
        make(tmp_path / name, [Made("v", time)], pairing="x", confirm=15)
        for name, time in (("A", 1e-3), ("B", 1.3e-3))
    ]
    read_of = [
        read_while_timed(run, "sm_clock", "MHz", values)
        for run, values in zip(runs, (base, new), strict=True)
    ]
    (found,) = explanations(compared(*read_of))
    assert [cause.words for cause in found.causes] == ([words] if words else [])


def test_what_holds_a_step_up_and_throttling_are_named(tmp_path: Path) -> None:
    labels = {"clock": "CUDA events", "bound": "device"}
    now = {**labels, "bound": "launch", "throttled_by": "power cap"}
    base, new = Made("v", 1e-3, labels=labels), Made("v", 1.3e-3, labels=now)
    told = {cause.sort: cause.words for cause in explained(tmp_path, base, new).causes}
    assert told == {
        "bound": "device-bound → launch-bound",
        "surroundings": "throttled by nothing → power cap",
    }


def test_memory_is_named_beside_a_time_and_is_no_cause_of_itself(tmp_path: Path) -> None:
    one, two = {"peak": 2.0**20}, {"peak": 2.0**21}
    slow = explained(tmp_path / "t", Made("v", values=one), Made("v", 2e-3, values=two))
    (cause,) = slow.causes
    assert (cause.sort, cause.words) == ("memory", "peak 1 MiB → 2 MiB")
    assert [row.quantity for row in slow.rows] == ["time"]
    more = replace(MM, allocations=2, allocated_bytes=16)
    base, new = Made("v", values=one, structure=MM), Made("v", values=two, structure=more)
    large = explained(tmp_path / "m", base, new)
    assert [cause.words for cause in large.causes] == [
        "1 allocation became 2; 8 bytes allocated became 16"
    ]
    assert large.unexplained is None


def test_what_did_not_change_beyond_noise_is_not_explained(tmp_path: Path) -> None:
    other = replace(MM, operators={"mm bfloat16": 1})
    base = [Made("same", structure=MM), Made("wavers", sd=0.3)]
    new = [Made("same", structure=other), Made("wavers", 1.05e-3, sd=0.3)]
    comparison = paired(tmp_path, base, new)
    assert explanations(comparison) == []
    (asked,) = explanations(comparison, lambda match: match.case.variant == "same")
    assert asked.causes[0].words.split("; ")[0] == "bfloat16 where float32 was (mm)"
    assert asked.unexplained is None


def test_a_broken_case_has_what_differs(tmp_path: Path) -> None:
    broken = Made("v", outcome="oom", detail="out of memory", source_hash="1")
    found = explained(tmp_path, Made("v"), broken)
    assert found.rows[0].verdict == "broken"
    assert [cause.sort for cause in found.causes] == ["source"]
    assert found.unexplained is None


def test_another_torch_is_named_with_what_it_does_otherwise(tmp_path: Path) -> None:
    other = replace(MM, operators={"addmm float32": 1})
    runs = [
        make(
            tmp_path / name,
            [Made("v", time, structure=structure)],
            pairing="x",
            confirm=15,
            environment={"torch": torch},
        )
        for name, time, structure, torch in (("A", 1e-3, MM, "2.1"), ("B", 2e-3, other, "2.2"))
    ]
    (found,) = explanations(compared(*runs))
    assert found.causes[0].words.startswith("torch 2.1 → 2.2: other operators: +1 addmm float32")
    assert found.causes[1].words == "torch 2.1 → 2.2"


def test_the_largest_measured_share_comes_first() -> None:
    causes = [
        Cause("source", "d"),
        Cause("surroundings", "c"),
        Cause("operator", "b", 0.2),
        Cause("operator", "a", -0.4),
        Cause("structure", "e", 0.0),
    ]
    assert "".join(cause.words for cause in ranked(causes)) == "abecd"


@pytest.mark.parametrize(
    ("share", "told"), [(0.914, "91%"), (-0.2, "−20%"), (-0.001, "0%"), (None, "no share")]
)
def test_a_share_in_words(tmp_path: Path, share: float | None, told: str) -> None:
    found = explained(tmp_path, Made("v"), Made("v", 2e-3))
    (line, left) = lines(replace(found, causes=[Cause("operator", "w", share)]))
    assert (line.share, line.cause) == (told, "w")
    assert (left.share, left.sort) == ("100%", "unexplained")
