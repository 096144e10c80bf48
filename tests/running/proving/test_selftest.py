"""The selftest finds in made-up noise what was put into it, and measures the same code in pairs."""

from __future__ import annotations

import csv
import json
import math
import random
from collections import Counter
from dataclasses import asdict, replace
from importlib.metadata import entry_points
from pathlib import Path
from statistics import fmean

import pytest

from bench.cases.case import Attempt, Case, Measurement
from bench.cases.variant import Variant
from bench.judging.noise import learned
from bench.judging.noise_file import NoiseSession, kept
from bench.judging.rule import Pairs, judge_pairs
from bench.running.pace import SHARE_MIN_S
from bench.running.proving.selftest import alarms, words
from bench.running.proving.selftest.findings import KindFindings, autocorrelation, drift, findings
from bench.running.proving.selftest.plan import plan
from bench.running.proving.selftest.recorded import disturbed_share, sessions_of, within
from bench.running.proving.selftest.table import write
from bench.selecting.discover import load_module, module_names, variants_of
from bench.sides.server import Server
from bench.store import Manifest, Run, Session, read
from bench.system.terminal import Screen
from tests.conftest import Bench
from tests.made_up_noise import Machine, selftests

YARDSTICKS = [
    variant
    for point in entry_points(group="touchstone.yardsticks")
    for module in module_names(point.value)
    for variant in variants_of(load_module(module))
]


def found_in(sessions: list[NoiseSession]) -> list[KindFindings]:
    return findings(sessions, learned(sessions), {"time": {}, "thread_time": {}})


def test_spreads_of_processes_and_pairs_are_told_apart() -> None:
    machine = Machine(session=0.05, round_=0.02, process=0.01)
    (found,) = found_in(selftests(machine, random.Random(1), blocks=40, rounds=10, cases=2))
    assert found.pair is not None
    assert found.process is not None
    assert 0.009 < found.pair.sd < 0.011  # what the round does falls out of it
    assert 0.020 < found.process.sd < 0.025  # sqrt(0.02^2 + 0.01^2) = 0.0224
    assert (found.pair.freedom, found.process.freedom) == (2 * 40 * 10, 2 * 40 * 9)
    assert found.num_cases == 2


def test_more_processes_show_smaller_changes() -> None:
    (found,) = found_in(selftests(Machine(), random.Random(2), blocks=20))
    three, five, ten = (found.visible(n) or 0 for n in (3, 5, 10))
    assert three > five > ten > 0.01
    assert five == pytest.approx(0.045, abs=0.01)  # 1 % spread, 40 cases


def test_a_line_is_fitted_from_the_first_round_to_the_last() -> None:
    rng = random.Random(3)
    series = [0.1 * i / 19 + rng.gauss(0, 0.001) for i in range(20)]
    assert drift(series) == pytest.approx(0.1, abs=0.003)
    assert drift(series[:2]) is None


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_autocorrelation_of_short_series_is_right_on_average(rho: float) -> None:
    rng = random.Random(4)
    found = [autocorrelation(ar1(rng, rho, 20)) for _ in range(500)]
    assert fmean(r for r in found if r is not None) == pytest.approx(rho, abs=0.06)


def ar1(rng: random.Random, rho: float, num: int) -> list[float]:
    series = [rng.gauss(0, 1)]
    for _ in range(num - 1):
        series.append(rho * series[-1] + rng.gauss(0, math.sqrt(1 - rho**2)))
    return series


def test_no_autocorrelation_of_next_to_nothing() -> None:
    assert autocorrelation([]) is None
    assert autocorrelation([0.1, 0.2, 0.1]) is None
    assert autocorrelation([0.1] * 20) is None


def test_unchanged_code_raises_few_alarms_whatever_the_noise() -> None:
    machine = Machine(session=0.05, round_=0.03, process=0.02)
    sessions = selftests(machine, random.Random(5), cases=8)
    pools = alarms.pools_of(sessions, learned(sessions))
    assert [len(pool) for pool in pools] == [20] * 8
    found = alarms.false_alarms(pools, seed=1, comparisons=200)
    assert found is not None
    assert (found.num_cases, found.num_workloads, found.comparisons) == (40, 8, 200)
    assert found.low <= found.rate <= found.high
    assert found.low < 0.01
    assert alarms.false_alarms(pools, seed=1, comparisons=50) == alarms.false_alarms(
        pools, seed=1, comparisons=50
    )


def test_alarms_are_those_that_the_rule_would_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(6)
    pool = [(1.0, math.exp(0.3 + rng.gauss(0, 0.01))) for _ in range(20)]
    lots = random.Random(7), random.Random(7)
    for _ in range(5):
        cases = [alarms._pretend(pool, lots[0]) for _ in range(alarms.NUM_CASES)]
        whole = any(change.verdict in ("faster", "slower") for change in judge_pairs(cases))
        assert alarms._alarms([pool], lots[1]) == whole
    monkeypatch.setattr(alarms, "NUM_CASES", 2)
    monkeypatch.setattr(alarms, "_pretend", lambda pool, _: Pairs(pool[:5], pool[5:]))
    assert alarms._alarms([pool], rng)  # labels as they were: one side really is slower


def test_alarms_are_not_counted_with_too_few_rounds() -> None:
    sessions = selftests(Machine(), random.Random(8), blocks=2, rounds=2)
    assert alarms.false_alarms(alarms.pools_of(sessions, learned(sessions)), 1) is None


CASE = Case("suite", "variant", "module", "Problem", {"n": 4}, flops=8, bytes_moved=16)
BROKEN = replace(CASE, variant="broken")


def timed(side: str, round_: int, *samples_s: float, session: int = 0) -> Attempt:
    measured = [Measurement("time", "s", list(samples_s))]
    measured += [Measurement("thread_time", "s", [s / 2 for s in samples_s])]
    measured += [Measurement("time", "s", [9.0], rank=0)]
    return Attempt(CASE.id, "time", session, round_, "ok", side=side, measurements=measured)


def a_run(*attempts: Attempt) -> Run:
    days = ("2026-01-05T12:00:00+00:00", "2026-01-06T12:00:00+00:00")
    sessions = [Session(day, {"torch": "2.x"}) for day in days]
    manifest = Manifest(["bench"], "selftest", "cpu", 1, 0.1, [2], [CASE, BROKEN], {}, sessions)
    return Run(Path("runs/one"), manifest, list(attempts))


def test_pairs_are_read_from_a_run() -> None:
    run = a_run(
        replace(timed("", 0, 1.0), case=BROKEN.id, role="check", outcome="incorrect"),
        timed("B", 0, 1.0, 2.0, 4.0),
        timed("A", 0, 3.0, 3.0, 3.1),
        timed("A", 1, 5.0),  # its other side never came
        replace(timed("A", 0, 6.0, session=1), flags=["contended"]),
        timed("B", 0, 7.0, session=1),
    )
    monday, tuesday = sessions_of(run)
    (case,) = monday.cases
    assert (case.case, case.kind, monday.torch) == (CASE.id, "memory", "2.x")
    assert case.rounds["time"] == [(3.0, 2.0)]
    assert case.rounds["thread_time"] == [(1.5, 1.0)]
    assert case.rounds["time:low_quartile"] == [(3.0, 1.5)]
    assert tuesday.cases[0].rounds["time"] == [(6.0, 7.0)]
    assert disturbed_share(run) == pytest.approx(1 / 5)
    spreads = within(run, "time")[CASE.id]  # of the two processes that have three samples
    assert spreads == pytest.approx([1.4826 * math.log(2), 0.0])


def test_the_time_allowed_sets_how_long_samples_take() -> None:
    cases = [CASE] * 8
    whole = plan(cases, 4, blocks=4, rounds=5, pause_s=5)
    assert whole.seconds(cases) <= 241
    assert plan(cases, 3, 4, 5, 5).share_s < whole.share_s
    assert plan(cases, 0.1, 4, 5, 5).share_s == SHARE_MIN_S
    assert plan(cases, 60, 4, 5, 5).share_s <= 0.5


def told(found: list[KindFindings], counted: alarms.Alarms | None) -> str:
    console = Screen(width=80)
    with console.capture() as seen:
        words.show(console, found, counted, num_selftests=1, disturbed=0.5)
    return seen.get()


def test_it_is_told_in_sentences_that_fit_a_terminal() -> None:
    sessions = selftests(Machine(session=0.05), random.Random(9), cases=8)
    text = " ".join(told(found_in(sessions), alarms.Alarms(1000, 3, 40, 8, 0.001, 0.009)).split())
    assert "With 5 rounds a change of" in text
    assert "corrected for 40 cases" in text
    assert "False alarms: 0.3% (95 %: 0.1% to 0.9%) of 1000 pretend comparisons" in text
    assert "on different days: repeat this on at least 3. Compare them with `bench ab`" in text
    assert "50% of the attempts were disturbed" in text
    assert "…" not in text  # no column was cut short


def test_what_is_not_known_is_said() -> None:
    machine = Machine(process=3.0)
    sessions = selftests(machine, random.Random(10), blocks=2, rounds=2, kind="training")
    text = " ".join(told(found_in(sessions), None).split())
    assert "False alarms: not counted; expected at least 20 rounds" in text
    assert "unknown yet: expected at least 3 sessions" in text
    assert "a change of >100% (training) shows" in text
    assert "…" not in text


def test_the_table_is_written(tmp_path: Path) -> None:
    sessions = selftests(Machine(), random.Random(11))
    write(tmp_path / "t.csv", found_in(sessions), alarms.Alarms(1000, 3, 40, 1, 0.001, 0.009))
    with (tmp_path / "t.csv").open() as stream:
        compute, whole = csv.DictReader(stream)
    assert compute["kind"] == "compute"
    assert compute["judged"] == "time"
    assert float(compute["visible_change_3"]) > float(compute["visible_change_10"]) > 0
    assert int(compute["session_freedom"]) == 3
    assert (whole["kind"], whole["false_alarms"], whole["comparisons"]) == ("all", "3", "1000")


def test_yardsticks_are_measured_only_where_they_are_named() -> None:
    assert len(YARDSTICKS) >= 6
    suites = {point.value for point in entry_points(group="touchstone.suites")}
    assert not suites & {point.value for point in entry_points(group="touchstone.yardsticks")}


@pytest.mark.parametrize("variant", YARDSTICKS, ids=lambda variant: variant.name)
def test_a_yardstick_does_more_work_when_told_and_answers_the_same(
    variant: Variant, server: Server, tmp_path: Path
) -> None:
    problem = variant.problem_type
    case = Case(
        "yardsticks",
        variant.name,
        variant.module,
        problem.__name__,
        asdict(problem()),
        pass_=problem.passes[0],
        ranks=max(problem.ranks),
    )
    outcomes = []
    for times in (103, 110, 0):
        asked = asdict(replace(case, options={"times": times}))
        request = {"case": asked, "role": "check", "timeout_s": 60, "log": str(tmp_path / "log")}
        outcomes.append(server.attempt(request)["outcome"])
    assert outcomes == ["ok", "ok", "error"]


@pytest.mark.slow
def test_a_selftest_measures_pairs_and_remembers_them(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "cache"))
    done = bench(
        "selftest", "-k", "small_operators", "--blocks", 2, "--rounds", 2, "--pause", 0,
        "--minutes", 0.1, "--output", tmp_path / "runs", "--device", "cpu", "--wait",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "other" in done.stdout
    (folder,) = (tmp_path / "runs").iterdir()
    run = read(folder)
    assert [session.ended_by for session in run.manifest.sessions] == ["finished", "finished"]
    pairs = {(a.session, a.round, a.side) for a in run.attempts if a.role == "time"}
    assert sorted(pairs) == [(s, r, d) for s in range(2) for r in range(2) for d in "AB"]
    assert Counter(a.role for a in run.attempts)["check"] == 1  # prepared once
    assert (folder / "selftest.csv").read_text().startswith("kind,num_cases")
    (path,) = (tmp_path / "cache" / "noise").iterdir()
    assert kept(path) == sessions_of(run)
    assert str(tmp_path) not in json.dumps(json.loads((folder / "run.json").read_text())["cases"])
