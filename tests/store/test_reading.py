"""Reading a run: what its parts may not say, line by line and together; runs of before are read."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.cases.case import Attempt, Case, Measurement
from bench.errors import UserError
from bench.judging.record import fold
from bench.running.attempts import keep_log
from bench.store import Manifest, Run, Session, create, create_at, read, write_whole
from bench.store.problems import misfit

ROOT = Path(__file__).resolve().parents[2]
CASE = Case("suite", "variant", "module", "Problem", {"n": 4})
DAY = "2026-01-01T00:00:00+00:00"


def manifest(**changes: Any) -> Manifest:
    cases = [CASE, dataclasses.replace(CASE, variant="other")]
    made = Manifest(["bench"], "smoke", "cpu", 1, 0.1, [5], cases, sessions=[Session(DAY, {})])
    return dataclasses.replace(made, **changes)


def attempt(round_: int = 0, time_s: float = 0.1, **changes: Any) -> Attempt:
    measured = [Measurement("time", "s", [time_s, 2 * time_s])]
    made = Attempt(CASE.id, "time", 0, round_, "ok", measurements=measured)
    return dataclasses.replace(made, **changes)


def recorded(parent: Path, *, ended: bool = True, **changes: Any) -> Run:
    """Write a run of five rounds."""
    run = create(parent, manifest(**changes))
    for number in range(5):
        run.append(attempt(number))
    if ended:
        run.end_session(DAY, "finished")
    return run


def of_before(parent: Path) -> Run:
    """Write a run as it was before lines had digests."""
    run = create(parent, manifest())
    run.manifest, run.head = dataclasses.replace(run.manifest, journal=""), ""
    run.save()
    for number in range(5):
        run.append(attempt(number))
    return run


def relined(run: Run, change: Callable[[list[bytes]], object]) -> None:
    lines = run.records_path.read_bytes().splitlines(keepends=True)
    change(lines)
    run.records_path.write_bytes(b"".join(lines))


def remade(run: Run, change: Callable[[dict[str, Any]], object]) -> None:
    path = run.folder / "run.json"
    plain = json.loads(path.read_text())
    change(plain)
    path.write_text(json.dumps(plain))


def refusal(folder: Path) -> str:
    """Return why a folder is refused: always in one line."""
    with pytest.raises(UserError) as caught:
        read(folder)
    said = str(caught.value)
    assert len(said.splitlines()) == 1
    return said


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


def line_of(**changes: Any) -> str:
    return json.dumps(dataclasses.asdict(attempt(7, **changes)))


def measured(*found: Measurement) -> str:
    return line_of(measurements=[Measurement("time", "s", [0.1, 0.2]), *found])


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (line_of().replace('"flags"', '"flaGs"'), "unknown field `flaGs`"),
        (line_of().replace('"round": 7', '"round": 7, "round": 8'), "got 'round' twice"),
        (line_of().replace("0.1", "1" + "0" * 400), "not a valid attempt"),
        (line_of().replace("0.1", "1" + "0" * 5000), "not a valid attempt"),
        (line_of().replace("0.1", "1e308"), "not a valid attempt"),
        (line_of().replace("0.1", "-0.0"), "samples above 0"),
        (line_of().replace("0.1", "5e-324"), "at least 1e-12 s"),
        (line_of().replace("0.1", "1e50"), "from 0 to 1e+09 s"),
        (line_of().replace('"round": 7', '"round": -1'), "not a valid attempt"),
        (line_of(session=3), "expected one of 1 sessions"),
        (line_of(started="0001-01-01T00:00:00+00:00"), "expected a date and time"),
        (line_of(started="yesterday"), "expected a date and time"),
        (measured(Measurement("time", "s", [0.1])), "time: expected once in an attempt"),
        (measured(Measurement("forward", "s", [0.1])), "forward: expected a sample of every call"),
        (measured(Measurement("first_call", "bytes", [1.0])), "first_call: expected seconds"),
        (measured(Measurement("wire", "bytes", [1.0], rank=3)), "expected one of 1 ranks, got 3"),
        (measured(Measurement("loss", "1", [1e-200])), "loss: expected 0 or"),
        (line_of().replace('"s"', '"bytes"'), "time: expected seconds, got unit 'bytes'"),
        (line_of(detail="x" * 30_000), "not a valid attempt"),
    ],
)
def test_what_no_attempt_can_have_left_is_refused_with_its_line(
    tmp_path: Path, line: str, complaint: str
) -> None:
    run = of_before(tmp_path)
    with run.records_path.open("a") as stream:
        stream.write(line + "\n")
    said = refusal(run.folder)
    assert complaint in said
    assert "records.jsonl, line 6" in said


def test_a_unit_does_not_change_on_the_way(tmp_path: Path) -> None:
    run = of_before(tmp_path)
    for number, unit in ((8, "bytes"), (9, "1")):
        with run.records_path.open("a") as stream:
            held = Measurement("held", unit, [1.0])
            stream.write(
                json.dumps(dataclasses.asdict(attempt(number, measurements=[held, *TIME])))
            )
            stream.write("\n")
    assert "line 7: held: expected the unit of before, 'bytes', got '1'" in refusal(run.folder)


TIME = [Measurement("time", "s", [0.1])]
SPEED = {"moved_bytes": 1, "bytes_per_s": 1e9, "spread": 0.0, "by": "copy"}


def session(**changes: Any) -> Callable[[dict[str, Any]], object]:
    return lambda plain: plain["sessions"][0].update(changes)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda plain: plain["cases"].append(plain["cases"][0]), "expected every case once"),
        (lambda plain: plain.update(unheard_of=1), "unknown field `unheard_of`"),
        (lambda plain: plain.update(checkpoints=[5, 3]), "expected checkpoints that increase"),
        (lambda plain: plain.update(checkpoints=[0]), "not a valid manifest"),
        (lambda plain: plain.update(share_s=0), "share_s and timeout_s above 0"),
        (lambda plain: plain.update(device="cuda:0/../x"), "not a valid manifest"),
        (lambda plain: plain.update(seed=10**400), "not a valid manifest"),
        (lambda plain: plain["cases"][0].update(values={"n": {}}), "not a valid manifest"),
        (lambda plain: plain["cases"][0].update(threads=0), "not a valid manifest"),
        (lambda plain: plain["cases"][0].update(variant=""), "expected a suite and a variant"),
        (session(started="0001-01-01T00:00:00+00:00"), "session 1: expected a date and time"),
        (session(started="now"), "session 1: expected a date and time"),
        (session(environment={"machine_id": "../../etc"}), "expected a machine_id"),
        (session(environment={"gpus": 10**300}), "environment: expected whole numbers"),
        (session(environment={"a": json.loads("[" * 40 + "]" * 40)}), "at most 12 levels"),
        (session(ceilings=[{"device": "cpu", "threads": 1, "launch_s": -1}]), "not a valid"),
        (
            session(
                ceilings=[
                    {"device": "cpu", "threads": 1, "bandwidths": [SPEED | {"bytes_per_s": 0}]}
                ]
            ),
            "not a valid manifest",
        ),
        (session(ceilings=[{"device": "cpu", "threads": 1}] * 2), "ceilings of a device"),
        (session(sampler={"period_s": 0}), "session 1: not a valid sampler"),
        (session(noise={"kinds": {"x": {"judged": "luck"}}}), "session 1: not a valid noise"),
    ],
)
def test_what_no_manifest_can_say_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], complaint: str
) -> None:
    run = recorded(tmp_path)
    remade(run, change)
    said = refusal(run.folder)
    assert complaint in said
    assert "run.json" in said


@pytest.mark.parametrize("name", ["run.json", "records.jsonl"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "loop", "nothing", "device", "socket", "giant"])
def test_only_ordinary_files_are_read(tmp_path: Path, name: str, kind: str) -> None:
    run = recorded(tmp_path)
    path = run.folder / name
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "giant":
        with path.open("wb") as stream:
            stream.truncate(1 << 40)
    elif kind == "socket":
        here = os.open(run.folder, os.O_RDONLY | os.O_DIRECTORY)
        with socket.socket(socket.AF_UNIX) as made:  # its name has to be short
            made.bind(f"/proc/self/fd/{here}/{name}")
        os.close(here)
    else:
        path.symlink_to({"loop": name, "nothing": "nowhere", "device": "/dev/zero"}[kind])
    assert f"cannot read {path}" in refusal(run.folder)


def test_a_link_to_an_ordinary_file_is_one(tmp_path: Path) -> None:
    run = recorded(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    run.records_path.rename(elsewhere)
    run.records_path.symlink_to(elsewhere)
    assert len(read(run.folder).attempts) == 5


@pytest.mark.parametrize("text", [b"\xff\xfe", b"[" * 100_000, b'"' + b"x" * 100, b"", b"null"])
def test_what_is_no_json_is_refused(tmp_path: Path, text: bytes) -> None:
    run = recorded(tmp_path)
    (run.folder / "run.json").write_bytes(text)
    assert "not a valid manifest" in refusal(run.folder)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"seqlen_q": None}, "seqlen_q: expected int, got null"),
        ({"seqlen_q": "64"}, "seqlen_q: expected int, got '64'"),
        ({"seqlen_q": True}, "seqlen_q: expected int, got True"),
        ({"seqlen_q": 64.5}, "seqlen_q: expected int, got 64.5"),
        ({"causal": 1}, "causal: expected bool, got 1"),
        ({"window": "x"}, "window: expected int or None, got 'x'"),
        ({"window": None, "seqlen_q": 64, "causal": False}, ""),
        ({"of_another_version": "x"}, ""),
    ],
)
def test_values_are_of_the_types_that_their_problem_declares(
    values: dict[str, Any], complaint: str
) -> None:
    case = dataclasses.replace(CASE, suite="attention", problem="SoftmaxAttention", values=values)
    assert misfit(case) == complaint


def test_an_inherited_field_has_a_type_and_an_unknown_problem_has_none() -> None:
    gpt = dataclasses.replace(CASE, suite="precision", problem="GPTTraining")
    assert misfit(dataclasses.replace(gpt, values={"batch": "8"}))
    assert not misfit(dataclasses.replace(CASE, suite="nobody's", values={"n": None}))
    assert not misfit(dataclasses.replace(CASE, suite="attention", values={"n": None}))


def test_reading_twice_says_the_same(tmp_path: Path) -> None:
    run = recorded(tmp_path)
    assert fold(read(run.folder)) == fold(run)


def test_what_could_not_be_read_again_is_not_begun(tmp_path: Path) -> None:
    for case in (
        dataclasses.replace(CASE, flops=10**30),
        dataclasses.replace(CASE, values={"n": 1e200}),
        dataclasses.replace(CASE, values={"n": float("nan")}),
    ):
        with pytest.raises(UserError, match="this run: not a valid manifest"):
            create(tmp_path, manifest(cases=[case]))
    assert not list(tmp_path.iterdir())


def test_an_attempt_that_could_not_be_read_again_becomes_an_error(tmp_path: Path) -> None:
    run = create(tmp_path, manifest())
    run.append(attempt(0, labels={"long": "x" * 30_000}))
    run.append(attempt(1, fingerprints=[[[float("nan")]]]))
    assert [one.outcome for one in read(run.folder).attempts] == ["error", "error"]


@pytest.mark.parametrize("name", ["run.json", "records.jsonl", "logs"])
def test_a_resume_writes_nowhere_but_into_its_folder(tmp_path: Path, name: str) -> None:
    run = recorded(tmp_path)
    path, elsewhere = run.folder / name, tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    with pytest.raises(UserError, match="got a link"):
        read(run.folder).expect_own_files()


def test_a_resume_makes_the_folder_of_logs_that_was_not_published(tmp_path: Path) -> None:
    run = recorded(tmp_path)
    (run.folder / "logs").rmdir()
    run.expect_own_files()
    assert (run.folder / "logs").is_dir()


def test_among_logs_only_ordinary_files_are_kept(tmp_path: Path) -> None:
    kept, link, pipe = (tmp_path / name for name in ("kept", "link", "pipe"))
    kept.write_text(f"said in {Path.home()}/x")
    link.symlink_to(kept)
    os.mkfifo(pipe)
    before = kept.read_text()
    assert keep_log(link) == keep_log(pipe) == ""
    assert kept.read_text() == before
    assert keep_log(kept)


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / f".results.csv.{os.getpid()}").symlink_to(victim)
    with pytest.raises(UserError, match="cannot write"):
        write_whole(tmp_path / "results.csv", b"theirs")
    assert victim.read_text() == "mine"
