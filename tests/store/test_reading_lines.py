"""Reading a run line by line: lost, doubled, moved, edited or torn; runs of before are read."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.judging.record import fold
from bench.store import Session, create_at, read
from tests.store.written_runs import DAY, attempt, manifest, of_before, recorded, refusal, relined

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda lines: lines.insert(2, lines[2]), "line 4: it was written as line 3"),
        (lambda lines: lines.pop(1), "line 2: it was written as line 3"),
        (lambda lines: lines.append(lines.pop(0)), "line 1: it was written as line 2"),
        (lambda lines: lines.pop(), "expected 5 lines up to the end of session 1"),
        (lambda lines: lines.clear(), "expected 5 lines up to the end of session 1"),
        (lambda lines: lines.insert(1, b"\n"), "line 2: expected to end with the line's number"),
        (
            lambda lines: lines.__setitem__(3, lines[3].replace(b"0.1", b"0.01")),
            "line 4: it is not as it was written",
        ),
        (
            lambda lines: lines.__setitem__(0, lines[0].replace(b'"flags"', b'"flaGs"')),
            "line 1: it is not as it was written",
        ),
        (
            lambda lines: lines.__setitem__(4, lines[4][:-1] + b"\r\n"),
            "line 5: expected to end with the line's number",
        ),
    ],
)
def test_a_line_that_is_lost_doubled_moved_or_edited_is_named(
    tmp_path: Path, change: Callable[[list[bytes]], object], place: str
) -> None:
    run = recorded(tmp_path)
    relined(run, change)
    assert place in refusal(run.folder)


def test_lines_of_another_run_are_not_taken_for_its_own(tmp_path: Path) -> None:
    ours, theirs = recorded(tmp_path), recorded(tmp_path)
    ours.records_path.write_bytes(theirs.records_path.read_bytes())
    assert "line 1: it is not as it was written" in refusal(ours.folder)


def test_the_sides_of_a_comparison_are_not_taken_for_each_other(tmp_path: Path) -> None:
    for side in "AB":
        made = create_at(tmp_path / side, manifest(pairing="ab", journal=""))
        made.manifest = dataclasses.replace(made.manifest, journal="")
        made.save()
        made.append(attempt(side=side))
    (tmp_path / "A" / "records.jsonl").replace(tmp_path / "B" / "records.jsonl")
    assert "line 1: expected attempts of side B, got one of A" in refusal(tmp_path / "B")


def test_a_kill_tears_a_line_and_a_resume_goes_on_after_it(tmp_path: Path) -> None:
    run = recorded(tmp_path, ended=False)
    data = run.records_path.read_bytes()
    for cut in (1, 20, 200):
        run.records_path.write_bytes(data[:-cut])
        found = read(run.folder)
        assert len(found.attempts) == 4
        assert "cut off" in found.notices[0]
    found.drop_torn_line()
    found.append(attempt(4))
    found.append(attempt(5))
    again = read(run.folder)
    assert [one.round for one in again.attempts] == [0, 1, 2, 3, 4, 5]
    assert not again.notices


def test_a_resume_is_counted_from_session_to_session(tmp_path: Path) -> None:
    run = read(recorded(tmp_path).folder)
    sessions = [*run.manifest.sessions, Session(DAY, {})]
    run.manifest = dataclasses.replace(run.manifest, sessions=sessions)
    run.save()
    run.append(attempt(5, session=1))
    assert len(read(run.folder).attempts) == 6  # as if it had been killed just now
    run.end_session(DAY, "finished")
    assert [session.lines for session in read(run.folder).manifest.sessions] == [5, 6]
    relined(run, lambda lines: lines.pop())
    assert "expected 6 lines up to the end of session 2" in refusal(run.folder)


def test_a_line_that_an_interruption_hid_from_the_session_is_counted(tmp_path: Path) -> None:
    run = recorded(tmp_path, ended=False)
    run.attempts.pop()  # it is on the disk, and the interruption came before it was kept here
    run.end_session(DAY, "interrupted")
    assert len(read(run.folder).attempts) == 5


def test_runs_of_before_are_read_and_told_as_such(tmp_path: Path) -> None:
    run = of_before(tmp_path)
    relined(run, lambda lines: lines.pop())
    found = read(run.folder)
    assert len(found.attempts) == 4
    assert "written before lines had digests" in found.notices[0]
    for folder in (ROOT / "reports" / "published").glob("*/run.json"):
        assert read(folder.parent).attempts


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda lines: lines.append(lines[1]), "line 6: the same case, time and round as line 2"),
        (
            lambda lines: lines.append(lines[1].replace(b"0.1", b"1.0")),
            "line 6: the same case, time and round as line 2",
        ),
        (lambda lines: lines.append(b"\n"), "line 6: not a valid attempt"),
        (lambda lines: lines.append(b'{"a": 1, "a": 1}\n'), "line 6: not a valid attempt"),
    ],
)
def test_without_digests_what_contradicts_itself_is_refused(
    tmp_path: Path, change: Callable[[list[bytes]], object], complaint: str
) -> None:
    run = of_before(tmp_path)
    relined(run, change)
    assert complaint in refusal(run.folder)


def test_reading_twice_says_the_same(tmp_path: Path) -> None:
    run = recorded(tmp_path)
    assert fold(read(run.folder)) == fold(run)
