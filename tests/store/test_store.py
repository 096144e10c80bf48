"""The run folder: what it keeps, what it tolerates, what it refuses in one line."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from bench.cases.case import Attempt, Case, Measurement
from bench.errors import CANNOT_WRITE, UserError
from bench.store import Manifest, Run, Session, create, read, write_whole

CASE = Case("suite", "variant", "module", "Problem", {"n": 4})
OTHER = dataclasses.replace(CASE, variant="other")


def new_run(parent: Path) -> Run:
    return create(
        parent,
        Manifest(
            ["bench"],
            "smoke",
            "cpu",
            1,
            0.1,
            [5],
            [CASE, OTHER],
            sessions=[Session("2026-01-01T00:00:00+00:00", {})],
        ),
    )


def without_digests(run: Run) -> Run:
    """Make it a run of before lines had digests: what they say is then read by itself."""
    run.manifest, run.head = dataclasses.replace(run.manifest, journal=""), ""
    run.save()
    return run


def attempt(round_: int = 0, **changes: object) -> Attempt:
    made = Attempt(
        CASE.id, "time", 0, round_, "ok", measurements=[Measurement("time", "s", [0.1, 0.2])]
    )
    return dataclasses.replace(made, **changes)


def test_what_is_appended_is_read_back(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    made = [attempt(0, labels={"steady": "yes"}), attempt(1, flags=["contended"])]
    for one in made:
        run.append(one)
    again = read(run.folder)
    assert again.attempts == made
    assert again.manifest == run.manifest
    assert not again.notices


def test_a_torn_last_line_is_left_out_and_told(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.append(attempt(0))
    run.append(attempt(1))
    data = run.records_path.read_bytes()
    run.records_path.write_bytes(data[:-20])
    again = read(run.folder)
    assert again.attempts == [attempt(0)]
    assert "cut off" in again.notices[0]
    again.drop_torn_line()
    again.append(attempt(2))
    assert read(run.folder).attempts == [attempt(0), attempt(2)]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"case": "x"}', "missing required field"),
        ("not json", "line 2: not a valid attempt"),
        ("[" * 100_000, "not a valid attempt"),
        (
            '{"case": 1, "role": "time", "session": 0, "round": 0, "outcome": "ok"}',
            "Expected `str`",
        ),
        (json.dumps(dataclasses.asdict(attempt(outcome="splendid"))), "Invalid enum value"),
        (
            json.dumps(dataclasses.asdict(attempt(case="suite/nobody"))),
            "expected a case of run.json",
        ),
        (json.dumps(dataclasses.asdict(attempt())).replace("0.1", "-0.1"), "samples above 0"),
        (json.dumps(dataclasses.asdict(attempt())).replace("0.1", "NaN"), "not a valid attempt"),
        (json.dumps(dataclasses.asdict(attempt())).replace("[0.1, 0.2]", "[]"), "got None to None"),
    ],
)
def test_a_hostile_line_is_refused_with_its_place(
    tmp_path: Path, line: str, complaint: str
) -> None:
    run = without_digests(new_run(tmp_path))
    run.append(attempt())
    with run.records_path.open("a") as stream:
        stream.write(line + "\n")
    with pytest.raises(UserError, match=complaint) as caught:
        read(run.folder)
    assert "records.jsonl, line 2" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_foreign_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"has no run\.json"):
        read(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(UserError, match="not a valid manifest"):
        read(tmp_path)


def test_another_schema_is_refused(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    path = run.folder / "run.json"
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 99'))
    with pytest.raises(UserError, match="expected schema 1, got 99"):
        read(run.folder)


def test_what_cannot_be_read_is_never_written(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.append(attempt(measurements=[Measurement("time", "s", [float("nan")])]))
    (kept,) = read(run.folder).attempts
    assert kept.outcome == "error"
    assert "expected finite samples" in kept.detail


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    run.records_path.symlink_to("/dev/full")
    with pytest.raises(UserError, match="No space left on device") as caught:
        run.append(attempt())
    assert caught.value.exit_code == CANNOT_WRITE
    assert not run.attempts


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    write_whole(path, b"old")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot write"):
        write_whole(tmp_path / "folder", b"new")
    with pytest.raises(UserError, match="cannot write"):
        write_whole(tmp_path / "missing" / "results.csv", b"new")
    assert path.read_bytes() == b"old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "results.csv"]
