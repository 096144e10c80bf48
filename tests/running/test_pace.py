"""How long a run takes: counted from constants, learned from earlier runs, corrected as it goes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from bench.cases.case import Attempt, Case, Role, Window
from bench.cases.costs import CPU, CUDA, SERVER_CPU_S, declared_s
from bench.errors import UserError
from bench.running.durations import MOST_CASES, Durations, durations_path, learn, learned
from bench.running.pace import BY_CONSTANTS, BY_EARLIER, Pace, pace_here
from bench.running.stopping import EFFORTS, Effort, estimate_s
from bench.sides.selection import Selection, select
from bench.sides.server import Server
from bench.store.allocated import Allocation
from tests.conftest import Bench, ServerFor
from tests.suites.test_variants import FOUND

CASE = Case("suite", "one", "module", "Problem", {"n": 1}, quality_seeds=1)
OTHER = replace(CASE, variant="other")
ON_GPU = replace(CASE, device="cuda:0")
ROLES: tuple[Role, ...] = ("check", "memory", "quality", "time")
SHARE_S = 0.4


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing go on beside anything; see `test_lanes`."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})


def took(case: Case, role: Role, *seconds: float, outcome: str = "ok") -> list[Attempt]:
    window = Window(10.0, 10.0 + SHARE_S, 5, SHARE_S) if role == "time" else None
    return [
        Attempt(case.id, role, 0, number, outcome, elapsed_s=elapsed_s, window=window)  # type: ignore[arg-type]
        for number, elapsed_s in enumerate(seconds)
    ]


@pytest.fixture(scope="module")
def shown(server_for: ServerFor) -> Selection:
    """Return what smoke asks of a GPU, which need not be here to be counted."""
    return select(server_for(()), [], "", [], "smoke", "cuda", {}, absent=True)


def test_smoke_on_one_h100_is_counted_at_ten_minutes_at_most(shown: Selection) -> None:
    effort = EFFORTS["smoke"]
    assert shown.device == "cuda:0"
    assert estimate_s(shown.cases, effort, Pace(effort.share_s)) <= 600


SLICES = ("mixers", "operators", "positions")  # on a GPU smoke has no time for more of them
WHOLE = ("attention", "distributed", "precision", "samplers")


LEFT_OUT = {"variation", "pattern", "beside", "grouped", "several GPUs"}  # marks of variants


def test_smoke_on_a_gpu_still_shows_everything(shown: Selection, server: Server) -> None:
    """Every variant that quick asks is in it, and every pass, be it at fewer sizes.

    But for what is a variation of another that is there or beside it, patterns of attention and its
    forms, contrastive steps, and what wants several GPUs in one process or groups of ranks.
    """
    quick = select(server, list(WHOLE), "", [], "quick", "cuda", {}, absent=True)
    wanted, there = ({(c.suite, c.variant) for c in found.cases} for found in (quick, shown))
    found = (param.values for param in FOUND)
    few = {(suite, v.name) for suite, v in found if LEFT_OUT & {*v.marks}}
    few |= {("distributed", name) for _, name in wanted if name.startswith(("clip_", "siglip_"))}
    few |= {("attention", "keys_first"), ("attention", "queries_first")}  # of efficient attention
    assert {(suite, name) for suite, name in there if suite in WHOLE} == wanted - few
    assert {suite for suite, _ in there} == {*WHOLE, *SLICES}
    assert {c.pass_ for c in shown.cases} == {c.pass_ for c in quick.cases}
    compiling = [case for case in shown.cases if case.compiles]
    assert [case.variant for case in compiling] == ["flex"]  # tens of seconds: once


def test_a_gpu_that_is_not_here_is_only_counted(server: Server, shown: Selection) -> None:
    if not shown.absent:
        pytest.skip("there is a GPU here")
    with pytest.raises(UserError, match="expected one of cpu on this machine"):
        select(server, [], "", [], "smoke", "cuda", {})
    with pytest.raises(UserError, match="--device cuda:x: expected one of"):
        select(server, [], "", [], "smoke", "cuda:x", {}, absent=True)


def test_every_process_of_a_gpu_has_a_context_and_compiles() -> None:
    for role in ROLES:
        assert declared_s(ON_GPU, role) - declared_s(CASE, role) >= CUDA.start_s - CPU.start_s
        extra_s = declared_s(replace(ON_GPU, compiles=True), role) - declared_s(ON_GPU, role)
        expected_s = CUDA.compiled_s if role == "check" else CUDA.recompiled_s
        assert extra_s == pytest.approx(expected_s)
        assert declared_s(replace(CASE, ranks=2), role) > declared_s(CASE, role)
    long = replace(CASE, flops=10**10, quality_calls=500)
    assert declared_s(long, "quality") > 500 * 10**10 / CPU.flops_per_s


def test_what_a_case_took_here_is_what_it_takes() -> None:
    learn("m", [CASE], [*took(CASE, "check", 3.0), *took(CASE, "time", 1.4, 9.4, 0.9)], SHARE_S)
    pace = Pace(SHARE_S, learned("m"))
    assert pace.expected_s(CASE, "check") == 3.0
    assert pace.expected_s(CASE, "time") == pytest.approx(1.4)  # the median, its share included
    shorter = Pace(0.1, learned("m"))
    assert shorter.expected_s(CASE, "time") == pytest.approx(1.1)


def test_samples_that_a_budget_cut_short_are_not_taken_off_whole() -> None:
    cut = replace(took(CASE, "time", 0.3)[0], window=Window(10.0, 10.1, 5, 0.1))
    long = replace(took(CASE, "time", 9.0)[0], window=Window(10.0, 18.0, 1, 8.0))
    known = Durations().updated([CASE], [cut], SHARE_S)  # a quarter of a share goes into warming up
    assert known.known_s(CASE, "time") == pytest.approx(0.3 - 0.1 / 0.75)
    assert Durations().updated([CASE], [long], SHARE_S).known_s(CASE, "time") == pytest.approx(8.6)


@pytest.mark.parametrize("forks", [1, 2, 4, 8])
def test_a_start_is_learned_alike_from_however_many_processes_share_a_round(forks: int) -> None:
    start_s, way = 0.08, Allocation(forks, 0.03)
    attempts = [
        replace(a, window=Window(10.0, 10.02, 5, 0.02), process=process)
        for process, a in enumerate(took(CASE, "time", *[start_s + way.share_s] * forks))
    ]
    known = Durations().updated([CASE], attempts, SHARE_S, {CASE.id: way})
    assert Pace(SHARE_S, known).start_s(CASE) == pytest.approx(start_s)


def test_what_never_ran_is_scaled_by_its_kind_then_by_its_device() -> None:
    slow = 5 * declared_s(CASE, "check")
    learn("m", [CASE, ON_GPU], took(CASE, "check", slow), SHARE_S)
    pace = Pace(SHARE_S, learned("m"), speed=2.0)
    assert pace.before_s(OTHER, "check") == pytest.approx(5 * declared_s(OTHER, "check"))
    assert pace.before_s(OTHER, "memory") == pytest.approx(5 * declared_s(OTHER, "memory"))
    assert pace.before_s(ON_GPU, "check") == pytest.approx(declared_s(ON_GPU, "check"))
    assert Pace(SHARE_S, speed=2.0).before_s(CASE, "check") == 2 * declared_s(CASE, "check")


def test_of_what_failed_here_no_more_than_its_check_is_expected() -> None:
    effort = Effort(SHARE_S, (5,))
    whole_s = estimate_s([CASE, OTHER], effort, Pace(SHARE_S))
    learn("m", [CASE], took(CASE, "check", 0.01, outcome="unsupported"), SHARE_S)
    pace = Pace(SHARE_S, learned("m"))
    assert not learned("m").cases  # how long it takes to fail says nothing of what works
    assert pace.beside_s(CASE, "check") == declared_s(CASE, "check")
    saved_s = 5 * (SHARE_S + declared_s(CASE, "time")) + declared_s(CASE, "memory")
    saved_s += declared_s(CASE, "quality")
    assert estimate_s([CASE, OTHER], effort, pace) == pytest.approx(whole_s - saved_s)
    learn("m", [CASE], took(CASE, "check", 3.0), SHARE_S)
    assert Pace(SHARE_S, learned("m")).goes_on(CASE)


def test_an_estimate_says_what_it_stands_on() -> None:
    nothing = f"{BY_CONSTANTS}: nothing like it has run here"
    assert Pace(SHARE_S).basis([CASE]) == nothing
    learn("m", [CASE], took(CASE, "check", 3.0), SHARE_S)
    assert pace_here("m", {}, SHARE_S).basis([CASE, OTHER]) == BY_EARLIER
    assert pace_here("m", {}, SHARE_S).basis([ON_GPU]) == nothing
    assert pace_here("another machine", {}, SHARE_S).basis([CASE]) == nothing


def test_runs_add_to_what_is_known_up_to_a_number() -> None:
    learn("m", [CASE], took(CASE, "check", 3.0), SHARE_S)
    learn("m", [OTHER], took(OTHER, "check", 4.0), SHARE_S)
    learn("m", [CASE], took(CASE, "check", 5.0), SHARE_S)
    assert (learned("m").known_s(CASE, "check"), learned("m").known_s(OTHER, "check")) == (5.0, 4.0)
    many = Durations({f"check {i}": 1.0 for i in range(MOST_CASES)})
    grown = many.updated([CASE], took(CASE, "check", 3.0), SHARE_S)
    assert len(grown.cases) == MOST_CASES
    assert grown.known_s(CASE, "check") == 3.0


@pytest.mark.parametrize(
    "damage", [b"", b"[]", b"{", b'{"cases": {"a": -1}}', b'{"kinds": {"a": 0}}']
)
def test_a_damaged_file_estimates_nothing_and_is_written_anew(damage: bytes) -> None:
    path = durations_path("m")
    path.parent.mkdir()
    path.write_bytes(damage)
    assert learned("m") == Durations()
    learn("m", [CASE], took(CASE, "check", 3.0), SHARE_S)
    assert learned("m").known_s(CASE, "check") == 3.0


def test_a_cache_that_cannot_be_written_costs_the_estimate_alone(cache: Path) -> None:
    (cache / "durations").write_text("a file where a folder belongs")
    learn("m", [CASE], took(CASE, "check", 3.0), SHARE_S)
    assert learned("m") == Durations()


def test_a_slower_processor_takes_longer_and_a_gpu_does_not() -> None:
    effort = Effort(SHARE_S, (5,))
    here, slower = (
        pace_here("m", {"start_cpu_s": SERVER_CPU_S * times}, SHARE_S) for times in (1, 3)
    )
    assert estimate_s([CASE], effort, slower) > estimate_s([CASE], effort, here)
    assert slower.before_s(CASE, "check") == pytest.approx(3 * here.before_s(CASE, "check"))
    assert slower.before_s(ON_GPU, "check") == here.before_s(ON_GPU, "check")
    absurd = pace_here("m", {"start_cpu_s": 1e9}, SHARE_S)
    assert absurd.before_s(CASE, "check") <= 8 * declared_s(CASE, "check")


def test_a_run_corrects_what_is_left_of_each_kind_by_one_factor() -> None:
    heavy = replace(CASE, variant="heavy", flops=10**11)
    compiled = replace(CASE, variant="compiled", compiles=True)
    pace = Pace(SHARE_S)
    before_s = {case.id: pace.expected_s(case, "check") for case in (CASE, heavy)}
    pace.took(OTHER, "check", 2 * declared_s(OTHER, "check"))
    assert pace.expected_s(CASE, "check") == pytest.approx(2 * before_s[CASE.id])
    assert pace.expected_s(heavy, "check") == pytest.approx(2 * before_s[heavy.id])
    assert pace.expected_s(CASE, "memory") == declared_s(CASE, "memory")  # another kind
    assert pace.expected_s(compiled, "check") == declared_s(compiled, "check")  # and another
    assert pace.left_s([(CASE, "check")] * 3) == pytest.approx(6 * before_s[CASE.id])


def test_the_share_shrinks_until_timed_attempts_fit() -> None:
    pace, timed = Pace(SHARE_S), [(CASE, "time")] * 10
    assert pace.fitting_share_s(timed, float("inf")) == SHARE_S  # type: ignore[arg-type]
    assert pace.fitting_share_s(timed, 1e9) == SHARE_S  # type: ignore[arg-type]
    assert 0.05 < pace.fitting_share_s(timed, 4.0) < SHARE_S  # type: ignore[arg-type]
    assert pace.fitting_share_s(timed, 0.0) == 0.05  # type: ignore[arg-type]
    for _ in timed:
        pace.took(CASE, "time", 5.0)
    assert pace.fitting_share_s(timed, 4.0) == 0.05  # type: ignore[arg-type]


def test_a_gpu_that_is_not_here_is_counted_by_the_command(bench_here: Bench) -> None:
    words = ["run", "attention", "--preset", "smoke", "--device", "cuda:0"]
    asked = bench_here(*words, "--dry-run")
    told = " ".join(asked.stdout.split())
    if "nothing like it" in told or "took here" in told:
        pytest.skip("there is a GPU here")
    assert asked.returncode == 0
    assert "counted from declared constants: no cuda:0 is here" in told
    refused = bench_here(*words)
    assert refused.returncode == 2
    assert "--device cuda:0: expected one of cpu on this machine" in refused.stderr


def test_what_goes_on_beside_others_counts_a_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    pace = Pace(SHARE_S)
    assert pace.expected_s(CASE, "check") == pytest.approx(declared_s(CASE, "check") / 2)
    assert pace.beside_s(CASE, "time") == declared_s(CASE, "time")
