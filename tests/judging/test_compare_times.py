"""Comparisons of times whose true ratios are known: paired, apart, and what bars a verdict."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from bench.judging.apart import NO_SPREAD, Spread
from bench.judging.comparing import rounds, sessions
from bench.judging.comparing.comparison import compare, exit_code
from bench.judging.comparing.matching import match
from bench.judging.comparing.versus import versus
from bench.judging.record import fold
from bench.judging.rule import Pairs
from bench.store import Run
from reports.comparison.lines import note
from reports.comparison.names import Names
from tests.judging.made_pairs import compared, paired, row_of
from tests.made_runs import Made, make, make_pair

# times of paired runs


@pytest.mark.parametrize(
    ("factor", "sd", "verdict"),
    [
        (1.10, 0.002, "slower"),
        (0.90, 0.002, "faster"),
        (1.00, 0.001, "same"),
        (1.01, 0.001, "same"),  # real, and within the margin
        (1.00, 0.050, "unclear"),
    ],
)
def test_times_of_paired_runs(tmp_path: Path, factor: float, sd: float, verdict: str) -> None:
    found = paired(tmp_path, [Made("v", 1e-3, sd)], [Made("v", factor * 1e-3, sd)])
    row = row_of(found, "v")
    assert row.verdict == verdict
    assert row.ratio is not None
    assert row.ratio.low is not None
    assert row.ratio.high is not None
    assert row.ratio.low <= factor * 1.02
    assert row.ratio.high >= factor / 1.02
    assert row.base == pytest.approx(1e-3, rel=0.1)
    assert (row.rounds_needed is not None) == (verdict == "unclear")


def test_a_suspect_without_fresh_pairs_is_unclear(tmp_path: Path) -> None:
    found = paired(tmp_path, [Made("v")], [Made("v", 2e-3)], confirm=0)
    assert row_of(found, "v").verdict == "unclear"
    assert "not confirmed" in row_of(found, "v").why


def test_the_margin_is_the_users(tmp_path: Path) -> None:
    base, new = make_pair(tmp_path / "ab", [Made("v", 1e-3, 0.001)], [Made("v", 1.01e-3, 0.001)])
    assert row_of(compared(base, new, margin=0.003), "v").verdict == "slower"


def test_a_case_with_few_rounds_of_its_own_is_confirmed_all_the_same(tmp_path: Path) -> None:
    found = paired(tmp_path, [Made("v", rounds=3)], [Made("v", 1.2e-3, rounds=3)])
    assert row_of(found, "v").verdict == "slower"


def test_rounds_beyond_the_first_stage_confirm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Pairs] = []
    judge = rounds.judge_pairs
    monkeypatch.setattr(rounds, "judge_pairs", lambda p, m: (seen.extend(p), judge(p, m))[1])
    paired(tmp_path, [Made("v")], [Made("v", 1.2e-3)], confirm=15)
    (pairs,) = seen
    assert (len(pairs.first), len(pairs.confirm)) == (5, 15)


def test_forty_cases_are_judged_together_and_one_change_is_found(tmp_path: Path) -> None:
    cases = [Made(f"v{i}", 1e-3, 0.005) for i in range(40)]
    moved = [dataclasses.replace(m, time_s=1.05e-3) if m.variant == "v7" else m for m in cases]
    found = paired(tmp_path, cases, moved)
    times = {row.match.case.variant: row.verdict for row in found.rows if row.group == "time"}
    assert [v for v, verdict in times.items() if verdict in ("slower", "faster")] == ["v7"]


def test_several_new_are_judged_as_one_family(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    judge = rounds.judge_apart
    monkeypatch.setattr(rounds, "judge_apart", lambda a, m: (sizes.append(len(a)), judge(a, m))[1])
    base = make(tmp_path / "base", [Made("a"), Made("b")])
    news = [make(tmp_path / n, [Made("a"), Made("b")]) for n in ("one", "two")]
    found = compare(base, news)
    assert len(found) == 2
    assert sizes[0] == 4  # times; then compile and energy, which no one sampled
    assert sizes[1:] == [0, 0]
    assert all(len(c.rows) == 2 for c in found)


def test_two_variants_are_matched_by_their_question(tmp_path: Path) -> None:
    found = paired(tmp_path, [Made("one")], [Made("other", 1.2e-3)])
    (row,) = found.rows
    assert row.verdict == "slower"
    assert Names([row.match]).name(row.match) == "made/one → other"


def test_a_question_with_two_answers_matches_nothing(tmp_path: Path) -> None:
    twins = [Made("one", options={"block": n}) for n in (1, 2)]
    found = paired(tmp_path, twins, [Made("other")])
    assert sorted(row.verdict for row in found.rows) == ["added", "removed", "removed"]
    assert exit_code([found]) == 3


def test_runs_apart_never_match_by_question(tmp_path: Path) -> None:
    base, new = make(tmp_path / "a", [Made("one")]), make(tmp_path / "b", [Made("other")])
    assert {row.verdict for row in compared(base, new).rows} == {"added", "removed"}


@pytest.mark.parametrize("judged", [{}, {"other": "thread_time"}])
def test_the_clock_that_both_runs_fixed_is_judged(tmp_path: Path, judged: dict) -> None:
    base = [Made("v", 1e-3, thread_time_s=1e-3)]
    new = [Made("v", 1e-3, thread_time_s=2e-3)]
    found = paired(tmp_path, base, new, judged=judged)
    (row,) = [row for row in found.rows if row.group == "time"]
    expected = ("thread_time", "slower") if judged else ("time", "same")
    assert (row.quantity, row.verdict) == expected


def test_energy_is_judged_like_time_and_gates_only_where_asked(tmp_path: Path) -> None:
    found = paired(tmp_path, [Made("v", energy_j=1.0)], [Made("v", energy_j=1.5)])
    row = row_of(found, "v", "energy")
    assert (row.verdict, row.unit) == ("worse", "J")
    assert exit_code([found]) == 0
    assert exit_code([found], ["energy"]) == 1


# times of runs apart


def test_runs_apart_are_unclear_without_a_spread(tmp_path: Path) -> None:
    base, new = make(tmp_path / "a", [Made("v")]), make(tmp_path / "b", [Made("v", 2e-3)])
    row = row_of(compared(base, new), "v")
    assert (row.verdict, row.why) == ("unclear", NO_SPREAD)
    assert row.ratio is not None
    assert row.ratio.estimate == pytest.approx(2, rel=0.02)
    assert exit_code([compared(base, new)]) == 0


@pytest.mark.parametrize(("sd", "verdict"), [(0.02, "slower"), (0.5, "unclear")])
def test_runs_apart_are_widened_by_sessions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sd: float, verdict: str
) -> None:
    asked: list[str] = []

    def spread(base: Run, new: Run, kind: str) -> Spread:
        asked.append(kind)
        return Spread(sd, 8)

    monkeypatch.setattr(sessions, "session_spread_of", spread)
    base, new = make(tmp_path / "a", [Made("v")]), make(tmp_path / "b", [Made("v", 1.5e-3)])
    row = row_of(compared(base, new), "v")
    assert row.verdict == verdict
    assert asked == ["other"]
    if verdict == "unclear":
        assert "bench ab" in note(row)  # more rounds would not settle it


def test_pairs_of_another_comparison_are_no_pairs(tmp_path: Path) -> None:
    base, _ = make_pair(tmp_path / "x", [Made("v")], [Made("v")])
    _, new = make_pair(tmp_path / "y", [Made("v")], [Made("v", 2e-3)])
    assert row_of(compared(base, new), "v").why == NO_SPREAD


# what bars a time


@pytest.mark.parametrize("side", ["BASE", "NEW"])
def test_a_flagged_record_has_no_verdict_on_time(tmp_path: Path, side: str) -> None:
    plain, flagged = Made("v"), Made("v", 2e-3, flags=["throttled"])
    sides = [flagged, plain] if side == "BASE" else [plain, flagged]
    row = row_of(paired(tmp_path, [sides[0]], [sides[1]]), "v")
    assert (row.verdict, row.why) == ("unclear", f"throttled in {side}")
    assert row.ratio is not None
    assert row.ratio.low is None


def test_a_busy_machine_silences_no_pair_and_every_run_apart(tmp_path: Path) -> None:
    sides = [[Made("v", flags=["contended"])], [Made("v", 2e-3, flags=["contended"])]]
    assert row_of(paired(tmp_path / "pairs", *sides), "v").verdict == "slower"
    base, _ = make_pair(tmp_path / "x", *sides)
    _, new = make_pair(tmp_path / "y", *sides)
    assert row_of(compared(base, new), "v").why == "contended in BASE"


def test_times_of_other_clocks_have_no_verdict(tmp_path: Path) -> None:
    new = Made("v", 2e-3, labels={"clock": "events"})
    row = row_of(paired(tmp_path, [Made("v")], [new]), "v")
    assert row.verdict == "unclear"
    assert "monotonic and events" in row.why


# what counts, and as what


def test_only_what_may_be_judged_is_suspected(tmp_path: Path) -> None:
    busy = {"flags": ["throttled"]}
    base = [Made("slows"), Made("busy", **busy), Made("never", None), Made("steady", 1e-3, 0.0)]
    new = [Made("slows", 2e-3), Made("busy", 2e-3), Made("never", None), Made("steady", 1e-3, 0.0)]
    sides = make_pair(tmp_path / "ab", base, new)
    found = rounds.suspected(match(versus(*sides), *map(fold, sides)))
    assert [suspect.case.variant for suspect in found] == ["slows"]


@pytest.mark.parametrize("energies", [(1.0, None), (None, 1.0), (1.0, 0.0), (0.0, 1.0)])
def test_what_one_side_never_sampled_or_found_to_be_nothing_has_no_ratio(
    tmp_path: Path, energies: tuple[float | None, float | None]
) -> None:
    base, new = ([Made("v", energy_j=joules)] for joules in energies)
    found = paired(tmp_path, base, new)
    assert "energy" not in {row.quantity for row in found.rows}
    assert "energy" in {row.quantity for row in paired(tmp_path / "both", base, base).rows} or (
        not energies[0]
    )


def test_fresh_pairs_begin_behind_the_first_checkpoint(tmp_path: Path) -> None:
    """A later checkpoint is none of the first stage: fifteen pairs confirm, not eleven."""
    found = paired(tmp_path, [Made("v")], [Made("v", 2e-3)], checkpoints=[5, 9])
    row = row_of(found, "v")
    assert row.ratio is not None
    assert (row.verdict, row.ratio.rounds) == ("slower", 15)


def test_what_is_barred_shows_its_ratio_and_no_more(tmp_path: Path) -> None:
    found = paired(tmp_path, [Made("v", 4e-3, 0.0)], [Made("v", 6e-3, 0.0, flags=["throttled"])])
    row = row_of(found, "v")
    assert (row.verdict, row.why, row.barred) == ("unclear", "throttled in NEW", True)
    assert row.ratio is not None
    assert row.ratio.estimate == pytest.approx(1.5)
    assert (row.ratio.low, row.ratio.rounds, row.ratio.sessions) == (None, 20, 1)


def test_a_forced_comparison_names_the_first_of_its_differences(tmp_path: Path) -> None:
    base = make(tmp_path / "base", [Made("v")])
    new = make(
        tmp_path / "new", [Made("v")], environment={"machine_id": "another"}, device="cuda:0"
    )
    found = compared(base, new, force=True)
    first, *others = found.versus.void
    assert others
    assert row_of(found, "v").why == f"forced: {first}"


def test_runs_apart_that_other_mallocs_served_are_not_judged(tmp_path: Path) -> None:
    """Of sides that took turns it may be what is compared; of recordings it is the instrument."""
    before, now = (
        {"clock": "monotonic", "malloc": f"glibc 2.36, thresholds fixed{more}"}
        for more in ("", ", huge pages")
    )
    sides = [Made("v", labels=before)], [Made("v", 1.2e-3, labels=now)]
    apart = [make(tmp_path / str(i), own) for i, own in enumerate(sides)]
    row = row_of(compared(*apart), "v")
    assert row.verdict == "unclear"
    assert "served by other mallocs: glibc 2.36, thresholds fixed and glibc" in row.why
    assert row_of(paired(tmp_path / "ab", *sides), "v").verdict == "slower"
    untold = [make(tmp_path / "old", [Made("v")]), make(tmp_path / "new", sides[1])]
    assert "mallocs" not in row_of(compared(*untold), "v").why
