"""What is learned of a machine's noise is what was put into it; and what is kept can be read."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bench.cases.kind import KINDS
from bench.errors import UserError
from bench.judging.apart import Apart, judge_apart
from bench.judging.comparing.sessions import session_spread_of
from bench.judging.noise import judged_here, known, learned
from bench.judging.noise_file import NoiseFile, NoiseSession, kept, noise_path, remember
from bench.running.session import known_noise
from bench.store import Manifest, Run, Session
from bench.store.known_noise import Noise
from tests.made_up_noise import BEGAN, Machine, selftests


def test_the_spread_between_sessions_is_found_and_never_below_the_truth_by_much() -> None:
    machine = Machine(session=0.03, round_=0.005, process=0.01)
    found = learned(selftests(machine, random.Random(1), blocks=60, cases=4))
    spread = found.session_spread("compute")
    assert spread is not None
    assert spread.freedom == 59
    assert 0.026 < spread.sd < 0.038


def test_nothing_is_known_of_sessions_below_three() -> None:
    sessions = selftests(Machine(session=0.03), random.Random(1), blocks=2, cases=5)
    assert learned(sessions).session_spread("compute") is None
    third = selftests(Machine(session=0.03), random.Random(1), blocks=3, cases=5)
    spread = learned(third).session_spread("compute")
    assert spread is not None
    assert spread.freedom == 2  # whatever the number of cases: a session's share its shift


def test_days_that_differ_more_than_minutes_do_are_seen() -> None:
    machine = Machine(occasion=0.05, session=0.005, process=0.01)
    spread = learned(selftests(machine, random.Random(3), occasions=40)).session_spread("compute")
    assert spread is not None
    assert spread.freedom == 39  # occasions, not sessions
    assert 0.04 < spread.sd < 0.063


def test_where_days_are_like_minutes_every_session_counts() -> None:
    sds = []
    for seed in range(20):
        machine = Machine(session=0.03, process=0.005)
        spread = learned(selftests(machine, random.Random(seed), occasions=6)).session_spread(
            "compute"
        )
        assert spread is not None
        assert spread.freedom in (5, 23)
        sds.append(spread.sd)
    assert 0.028 < sum(sds) / len(sds) < 0.037


def test_another_torch_is_no_noise() -> None:
    rng, machine = random.Random(4), Machine(session=0.01, process=0.002)
    before = selftests(machine, rng, torch="2.1")
    after = selftests(machine, rng, torch="2.2", base_s=2e-3)
    spread = learned([*before, *after]).session_spread("compute")
    assert spread is not None
    assert spread.sd < 0.03
    assert spread.freedom == 3


@pytest.mark.parametrize(
    ("kind", "thread", "judged"),
    [
        ("compute", 0.019, "time"),  # hardly steadier
        ("compute", 0.010, "thread_time"),
        ("compute", 0.030, "time"),
        ("threads", 0.002, "time"),
        ("ranks", 0.002, "time"),
        ("gpu", 0.002, "time"),
    ],
)
def test_thread_time_is_judged_where_it_is_clearly_steadier(
    kind: str, thread: float, judged: str
) -> None:
    machine = Machine(process=0.02, thread=thread)
    found = learned(selftests(machine, random.Random(5), blocks=8, rounds=10, kind=kind))
    assert found.judged(kind) == judged
    assert found.judged("memory") == "time"  # never measured
    assert found.session_spread("memory") is None


def test_every_selftest_adds_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "noise" / "machine.json"
    assert kept(path) == []
    first, second = (selftests(Machine(), random.Random(seed)) for seed in (6, 7))
    assert remember(path, first) == first
    assert remember(path, second) == [*first, *second]
    assert kept(path) == [*first, *second]


def damaged_files() -> list[tuple[str, str]]:
    good = selftests(Machine(), random.Random(8), blocks=1)
    case = replace(good[0].cases[0], rounds={"time": [(0.001, 0.0)]})
    bad_time = NoiseFile(1, [replace(good[0], cases=[case])])
    import msgspec

    return [
        ("{", "expected what `bench selftest` keeps"),
        ('{"schema": 1}', "expected what `bench selftest` keeps"),
        (
            '{"schema": 1, "sessions": [{"started": "noon", "run": "", "torch": "", "cases": []}]}',
            "RFC3339",
        ),
        ('{"schema": 99, "sessions": []}', "expected schema 1, got 99"),
        (msgspec.json.encode(bad_time).decode(), "expected times above 0 s, got 0"),
    ]


@pytest.mark.parametrize(("text", "complaint"), damaged_files())
def test_a_damaged_file_is_one_line(
    text: str, complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path))
    path = noise_path("machine", "cuda:0")
    assert path.name == "machine-cuda-0.json"
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(UserError) as refused:
        known("machine", "cuda:0")
    assert complaint in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_run_knows_what_was_known_when_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path))
    run = Run(tmp_path, Manifest(["bench"], "smoke", "cpu", 1, 0.1, [5], []))
    environment = {"machine_id": "machine"}
    assert known_noise(run, environment) is None
    steady = Machine(session=0.03, thread=0.001)
    remember(noise_path("machine", "cpu"), selftests(steady, random.Random(9)))
    noise = known_noise(run, environment)
    assert noise is not None
    assert Noise.of(json.loads(json.dumps(noise.plain()))) == noise
    assert Noise.of({}) is None
    assert noise.judged_kinds == judged_here("machine", "cpu")
    assert noise.judged_kinds == {**dict.fromkeys(KINDS, "time"), "compute": "thread_time"}
    assert judged_here("another", "cpu") == dict.fromkeys(KINDS, "time")
    wall, thread = (noise.session_spread("compute", clock) for clock in ("time", "thread_time"))
    assert thread == noise.session_spread("compute")
    assert wall != thread


def two_runs(folder: Path, early: Noise, apart: timedelta) -> list[Run]:
    """Return a run that knew of early selftests, and a later one that knew of none."""
    stamps = [(BEGAN + gap).isoformat() for gap in (timedelta(0), apart)]
    base = Session(stamps[0], {"machine_id": "machine"}, noise=early.plain())
    new = Session(stamps[1], {"machine_id": "machine"})
    return [
        Run(folder, Manifest(["bench"], "smoke", "cpu", 1, 0.1, [5], [], {}, [session]))
        for session in (base, new)
    ]


def test_selftests_minutes_apart_say_nothing_of_other_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path))
    rng, machine = random.Random(1), Machine(session=0.03)
    once, thrice = (learned(selftests(machine, rng, occasions=n)) for n in (1, 3))
    for noise, gap, known_there in [
        (once, timedelta(minutes=2), True),
        (once, timedelta(hours=1), False),
        (thrice, timedelta(days=1), True),
        (thrice, timedelta(days=300), True),
    ]:
        spread = session_spread_of(*two_runs(tmp_path, noise, gap), "compute")
        assert (spread is not None) is known_there


def test_runs_apart_are_widened_by_the_best_founded_selftests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path))
    rng, machine = random.Random(1), Machine(session=0.03)
    early = learned(selftests(machine, rng))
    sides = two_runs(tmp_path, early, timedelta(minutes=2))
    assert session_spread_of(*sides, "compute") == early.session_spread("compute")
    assert session_spread_of(*sides, "memory") is None
    remember(noise_path("machine", "cpu"), selftests(machine, rng, blocks=9))
    assert session_spread_of(*sides, "compute") == known("machine", "cpu").session_spread("compute")


def test_a_damaged_file_stops_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path))
    noise_path("machine", "cpu").parent.mkdir()
    noise_path("machine", "cpu").write_text("{")
    run = Run(tmp_path, Manifest(["bench"], "smoke", "cpu", 1, 0.1, [5], []))
    assert known_noise(run, {"machine_id": "machine"}) is None
    assert "move it away" in run.notices[0]


def test_recordings_of_unchanged_code_are_not_called_changed() -> None:
    machine, rng = (
        Machine(occasion=0.02, session=0.03, round_=0.005, process=0.01),
        random.Random(1),
    )
    alarmed, trials = 0, 150
    for _ in range(trials):
        spread = learned(selftests(machine, rng)).session_spread("compute")
        base, new = (runs(selftests(machine, rng, blocks=1, cases=8)) for _ in range(2))
        cases = [Apart(a, b, spread) for a, b in zip(base, new, strict=True)]
        verdicts = {change.verdict for change in judge_apart(cases)}
        alarmed += bool(verdicts & {"faster", "slower"})
    assert alarmed / trials < 0.05


def runs(sessions: list[NoiseSession]) -> list[dict[tuple[int, int], float]]:
    """Return every case's first side as rounds of a run."""
    return [
        {(0, number): a for number, (a, _) in enumerate(case.rounds["time"])}
        for case in sessions[0].cases
    ]
