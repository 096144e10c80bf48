"""Comparisons of runs whose true ratios are known: verdicts, exit codes, and what is written."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import re
from pathlib import Path

import pandas as pd
import pytest
import typer

from bench.errors import UserError
from bench.judging.apart import NO_SPREAD, Spread
from bench.judging.comparing import rounds, sessions
from bench.judging.comparing.comparison import Comparison, compare, exit_code
from bench.judging.comparing.once import direction
from bench.judging.comparing.quantities import DEFAULT_GATE, QUANTITIES, judged_how
from bench.judging.comparing.row import Row
from bench.judging.rule import Pairs
from bench.store import Run, read
from bench.system.terminal import Screen
from reports.comparison import command, markdown, page, table
from reports.comparison.conclude import conclude
from reports.comparison.lines import change, how_judged, lines, note, parts, verdict_line
from reports.comparison.names import Names
from tests.made_runs import Made, make, make_pair
from tests.reports.test_reports import HOSTILE, browse, expect_golden, strip_scripts


def row_of(found: Comparison, variant: str, quantity: str = "time") -> Row:
    (row,) = [
        row for row in found.rows if row.match.case.variant == variant and row.quantity == quantity
    ]
    return row


def compared(base: Run, new: Run, **options: object) -> Comparison:
    (found,) = compare(base, [new], **options)  # type: ignore[arg-type]
    return found


def paired(folder: Path, base: list[Made], new: list[Made], **options: object) -> Comparison:
    return compared(*make_pair(folder / "ab", base, new, **options))  # type: ignore[arg-type]


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


# cases as a whole


def test_what_becomes_of_cases(tmp_path: Path) -> None:
    bad = {"outcome": "crash", "detail": "SIGSEGV"}
    base = [Made("v"), Made("breaks"), Made("mends", **bad), Made("goes"), Made("never", **bad)]
    base += [Made("unreached")]
    new = [Made("v"), Made("breaks", **bad), Made("mends"), Made("comes"), Made("never", **bad)]
    new += [Made("unreached", outcome="pending")]
    found = paired(tmp_path, base, new)
    told = {
        row.match.case.variant: (row.verdict, row.why)
        for row in found.rows
        if row.group == "outcome"
    }
    assert told["breaks"] == ("broken", "crash in check: SIGSEGV")
    assert told["mends"] == ("fixed", "was crash in check: SIGSEGV")
    assert told["comes"][0] == "added"
    assert told["goes"][0] == "removed"
    assert told["never"] == ("not comparable", "crash in check: SIGSEGV")
    assert told["unreached"][0] == "not comparable"
    assert "not reached" in told["unreached"][1]
    assert row_of(found, "v").verdict == "same"
    assert exit_code([found]) == 1
    assert exit_code([found], ()) == 1  # a broken case always fails
    assert found.overall[0].compared == 1
    assert found.overall[0].num_cases == 7


def test_exit_codes(tmp_path: Path) -> None:
    base = make(tmp_path / "base", [Made("v", values={"peak": 100.0})])
    worse = make(tmp_path / "worse", [Made("v", values={"peak": 200.0})])
    other = make(tmp_path / "other", [Made("w")])
    assert exit_code(compare(base, [base])) == 0
    assert exit_code(compare(base, [base, worse])) == 1  # the worst counts
    assert exit_code(compare(base, [worse]), ["time"]) == 0
    assert exit_code(compare(base, [other])) == 3
    assert exit_code(compare(base, [base, other])) == 0
    with pytest.raises(UserError, match="matches -k") as refused:
        compare(base, [base], keyword="nothing")
    assert refused.value.exit_code == 3


# quantities


@pytest.mark.parametrize(
    ("name", "unit", "by", "group"),
    [
        ("time", "s", "rounds", "time"),
        ("first_call_uncached", "s", "sample", "compile"),
        ("peak", "bytes", "exact", "memory"),
        ("activations", "bytes", "exact", "memory"),
        ("optimizer_state_paper", "bytes", "nothing", ""),
        ("resident_growth", "bytes", "sample", "growth"),
        ("wire", "bytes", "exact", "counts"),
        ("all_gather_elements", "1", "exact", "counts"),
        ("traffic_paper_elements", "1", "nothing", ""),
        ("out_error_l2", "1", "error", "errors"),
        ("out_error_over_budget", "1", "nothing", ""),
        ("fd_digits_cnn", "1", "seeds", "quality"),
        ("fd_n", "1", "nothing", ""),
        ("forward", "s", "nothing", ""),
        ("whatever", "1", "nothing", ""),
    ],
)
def test_how_a_quantity_is_judged(name: str, unit: str, by: str, group: str) -> None:
    found = judged_how(name, unit)
    assert (found.by, found.group) == (by, group)


def test_the_most_special_pattern_comes_first() -> None:
    for number, quantity in enumerate(QUANTITIES):
        name = quantity.pattern.replace("*", "x")
        assert judged_how(name, quantity.unit) is QUANTITIES[number], quantity.pattern


@pytest.mark.parametrize(
    ("quantity", "base", "new", "verdict"),
    [
        ("peak", 1e6, 1.0005e6, "same"),
        ("peak", 1e6, 1.01e6, "worse"),
        ("peak", 1e6, 0.9e6, "better"),
        ("peak", 0.0, 64.0, "worse"),
        ("peak", 0.0, 0.0, "same"),
        ("nfe", 20.0, 21.0, "worse"),
        ("traffic_elements", 1e6, 1e6 - 1, "better"),
        ("out_error_l2", 2e-7, 2.1e-7, "same"),
        ("out_error_l2", 2e-7, 2.5e-7, "worse"),
        ("out_error_max", 2e-7, 2.5e-7, "same"),
        ("out_error_max", 2e-7, 4e-7, "worse"),
        ("out_error_l2", 2e-7, 1e-7, "better"),
        ("out_error_l2", 1e-12, 1e-9, "same"),  # both below half a rounding of float32
        ("out_error_l2", 0.0, 1e-7, "worse"),
        ("resident_growth", 1e6, 5e6, "unclear"),
    ],
)
def test_what_is_measured_once(
    tmp_path: Path, quantity: str, base: float, new: float, verdict: str
) -> None:
    a = make(tmp_path / "a", [Made("v", None, values={quantity: base})])
    b = make(tmp_path / "b", [Made("v", None, values={quantity: new})])
    assert row_of(compared(a, b), "v", quantity).verdict == verdict


def test_direction_knows_what_is_better() -> None:
    assert direction(1.0, 2.0, 0.1) == "worse"
    assert direction(1.0, 2.0, 0.1, more_is_better=True) == "better"
    assert direction(2.0, 1.0, 0.1, more_is_better=True) == "worse"


def test_a_quantity_of_one_side_is_added_or_removed_and_fails_nothing(tmp_path: Path) -> None:
    a = make(tmp_path / "a", [Made("v", None, values={"peak": 1.0})])
    b = make(tmp_path / "b", [Made("v", None, values={"wire": 1.0})])
    found = compared(a, b)
    assert row_of(found, "v", "peak").verdict == "removed"
    assert row_of(found, "v", "wire").verdict == "added"
    assert not found.regressions(DEFAULT_GATE)


def test_memory_counted_in_two_ways_is_unclear(tmp_path: Path) -> None:
    labels = [{"memory_counted_by": by} for by in ("allocator", "profiler")]
    a, b = (
        make(tmp_path / str(i), [Made("v", None, values={"peak": 1.0 + i}, labels=labels[i])])
        for i in (0, 1)
    )
    row = row_of(compared(a, b), "v", "peak")
    assert (row.verdict, row.why) == ("unclear", "counted by allocator, and by profiler")


def test_memory_that_could_not_be_counted_says_why(tmp_path: Path) -> None:
    a = make(tmp_path / "a", [Made("v", None, values={"peak": 1.0, "resident_growth": 1.0})])
    why = {"memory_not_counted": "malloc holds more"}
    b = make(tmp_path / "b", [Made("v", None, values={"resident_growth": 1.0}, labels=why)])
    row = row_of(compared(a, b), "v", "peak")
    assert (row.verdict, row.why) == ("removed", "not measured in NEW: malloc holds more")


@pytest.mark.parametrize(
    ("name", "base", "new", "verdict"),
    [
        ("fid", [1.5, 1.6, 1.7], [1.5, 1.6, 1.7], "same"),
        ("fid", [1.5, 1.6, 1.7], [1.5 + 1e-9, 1.6, 1.7 - 1e-9], "same"),
        ("fid", [1.5, 1.6, 1.7], [1.501, 1.602, 1.701], "same"),  # within 1 % of the base
        ("fid", [1.5, 1.6, 1.7], [2.51, 2.6, 2.69], "worse"),
        ("fid", [1.5, 1.6, 1.7], [0.51, 0.6, 0.69], "better"),
        ("observed_order", [2.0, 2.1, 2.0], [1.0, 1.1, 1.01], "worse"),
        ("fid", [1.5, 1.6, 1.7], [1.2, 2.6, 1.9], "unclear"),
        ("fid", [1.5], [2.5], "unclear"),
        ("fid", [1.5], [1.5], "same"),
        ("loss_gap", [-0.01, 0.01, 0.0], [0.09, 0.11, 0.1001], "worse"),
    ],
)
def test_quality_is_paired_by_seed(
    tmp_path: Path, name: str, base: list[float], new: list[float], verdict: str
) -> None:
    a = make(tmp_path / "a", [Made("v", None, quality={name: base})])
    b = make(tmp_path / "b", [Made("v", None, quality={name: new})])
    row = row_of(compared(a, b), "v", name)
    assert row.verdict == verdict
    assert row.difference is not None
    assert row.difference.count == len(base)


def test_one_seed_says_so_and_divergence_is_worse(tmp_path: Path) -> None:
    a = make(tmp_path / "a", [Made("v", None, quality={"final_loss": [2.0]})])
    b = make(tmp_path / "b", [Made("v", None, quality={"final_loss": [2.1]})])
    c = make(tmp_path / "c", [Made("v", None, quality={"diverged_at_step": [7.0]})])
    assert "one seed" in row_of(compared(a, b), "v", "final_loss").why
    found = compared(a, c)
    assert row_of(found, "v", "final_loss").verdict == "removed"
    assert row_of(found, "v", "diverged_at_step").verdict == "worse"
    assert row_of(compared(c, a), "v", "diverged_at_step").verdict == "better"


def test_qualities_of_forty_cases_are_corrected(tmp_path: Path) -> None:
    base = [Made(f"v{i}", None, quality={"fid": [1.5, 1.6, 1.7]}) for i in range(40)]
    # p of this difference alone is .004: one of 40 such looks must not be believed
    moved = [Made(m.variant, None, quality=dict(m.quality)) for m in base]
    moved[3].quality["fid"] = [1.55, 1.66, 1.76]
    a, b = make(tmp_path / "a", base), make(tmp_path / "b", moved)
    assert row_of(compared(a, b), "v3", "fid").verdict == "unclear"
    assert row_of(compared(a, b, keyword="v3/"), "v3", "fid").verdict == "worse"


# surroundings


def test_another_machine_is_refused_unless_forced(tmp_path: Path) -> None:
    values = {"peak": 1e6, "out_error_l2": 1e-6}
    quality = {"fid": [1.0, 1.1]}
    worse = {name: 2 * value for name, value in values.items()}
    base = make(tmp_path / "a", [Made("v", values=values, quality=quality)], pairing="x")
    new = make(
        tmp_path / "b",
        [Made("v", 2e-3, values=worse, quality={"fid": [2.0, 2.11]})],
        pairing="x",
        environment={"machine_id": "ba9876543210"},
    )
    with pytest.raises(UserError, match="machine 0123456789ab → ba9876543210") as refused:
        compared(base, new)
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)
    found = compared(base, new, force=True)
    for quantity in ("time", "out_error_l2", "fid"):
        row = row_of(found, "v", quantity)
        assert row.verdict == "unclear"
        assert row.why.startswith("forced: machine")
    assert row_of(found, "v").ratio is not None
    assert row_of(found, "v", "peak").verdict == "worse"
    assert found.overall[0].compared == 0
    assert how_judged(found).startswith("Forced across machine")


@pytest.mark.parametrize(
    ("environment", "manifest", "void"),
    [
        ({"cores_usable": 1}, {}, "cores_usable 2 → 1"),
        ({"frequency_policy": "powersave"}, {}, "frequency_policy performance → powersave"),
        ({}, {"device": "cuda:0"}, "device cpu → cuda:0"),
    ],
)
def test_what_makes_a_comparison_void(
    tmp_path: Path, environment: dict, manifest: dict, void: str
) -> None:
    base = make(tmp_path / "a", [Made("v")])
    new = make(tmp_path / "b", [Made("v")], environment=environment, **manifest)
    with pytest.raises(UserError, match=re.escape(void)):
        compared(base, new)


def test_other_differences_are_named_and_moments_are_not(tmp_path: Path) -> None:
    base = make(tmp_path / "a", [Made("v"), Made("w")])
    environment = {
        "torch": "3.x",
        "load_1m": 7.0,
        "settings": {"OMP_NUM_THREADS": "1", "MKL_X": "2"},
        "libraries": {"numpy": "2.1"},
        "gpus": "damaged",
    }
    new = make(
        tmp_path / "b",
        [Made("v", source_hash="1"), Made("w")],
        environment=environment,
        git={"commit": "d" * 40, "dirty": True},
        share_s=0.5,
        checkpoints=[5, 9],
    )
    found = compared(base, new)
    assert set(map(str, found.versus.differences)) == {
        "torch 2.x → 3.x",
        "MKL_X none → 2",
        "numpy 2.0 → 2.1",
        "commit c0ffeec0ffee → dddddddddddd with local changes",
        "sampling 0.3 s an attempt → 0.5 s an attempt",
        "rounds 5 → 5 or 9",
    }
    assert found.changed_sources == 1


def made_with(folder: Path, **told: object) -> tuple[Run, Run]:
    """Make a pair 1 % apart whose `ab.json` says what it was made with."""
    both = make_pair(folder, [Made("v", 1e-3, 0.001)], [Made("v", 1.01e-3, 0.001)])
    path = folder / "ab.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **told}))
    return both


def test_a_comparison_is_judged_by_the_margin_it_was_made_with(tmp_path: Path) -> None:
    narrow = made_with(tmp_path / "narrow", margin=0.005)
    wide = made_with(tmp_path / "wide", margin=0.05)
    unsaid = made_with(tmp_path / "unsaid")
    assert row_of(compared(*narrow), "v").verdict == "slower"
    assert row_of(compared(*wide), "v").verdict == "same"
    assert [compared(*both).margin for both in (narrow, wide, unsaid)] == [0.005, 0.05, 0.02]
    assert "±0.5 % is the same." in how_judged(compared(*narrow))
    # nor do a side and another run have it, whose rounds are no pairs
    apart = make(tmp_path / "apart", [Made("v")])
    assert compared(narrow[0], apart).margin == 0.02


def test_another_margin_than_it_was_made_with_is_told(tmp_path: Path) -> None:
    both = made_with(tmp_path / "ab", margin=0.005)
    asked = compared(*both, margin=0.03)
    assert row_of(asked, "v").verdict == "same"
    told = how_judged(asked)
    assert "±3 % is the same (asked for now; it was made with ±0.5 %)" in told
    assert "asked for" not in how_judged(compared(*both, margin=0.005))


def test_suspects_that_nobody_confirmed_are_not_called_confirmed(tmp_path: Path) -> None:
    assert "suspects left unconfirmed" in how_judged(
        compared(*made_with(tmp_path / "never", confirm_pairs=0))
    )
    assert "suspects confirmed afresh" in how_judged(compared(*made_with(tmp_path / "ab")))


def test_a_damaged_pairing_is_refused(tmp_path: Path) -> None:
    for number, text in enumerate(("{", '{"margin": "wide"}', "[]")):
        both = make_pair(tmp_path / str(number), [Made("v")], [Made("v")])
        (tmp_path / str(number) / "ab.json").write_text(text)
        with pytest.raises(UserError, match=r"ab\.json: not a valid pairing"):
            compared(*both)


def test_means_are_of_good_cases_only_and_say_how_many(tmp_path: Path) -> None:
    base = [Made("a", 1e-3), Made("b", 1e-3), Made("c", 1e-3), Made("d", 1e-3), Made("q", None)]
    new = [
        Made("a", 1.2e-3),
        Made("b", 1e-3 / 1.2),
        Made("c", 9e-3, flags=["throttled"]),
        Made("d", outcome="oom"),
        Made("q", None),
    ]
    (mean,) = paired(tmp_path, base, new).overall
    assert (mean.compared, mean.num_cases) == (2, 4)
    assert mean.ratio == pytest.approx(1.0, rel=0.01)
    assert mean.least == pytest.approx(1 / 1.2, rel=0.01)


# what is written


@pytest.fixture
def story(tmp_path: Path) -> tuple[Run, Run]:
    """A paired comparison with something of everything."""
    values = {"peak": 2.0**20, "out_error_l2": 2e-7, "resident_growth": 1e6}
    base = [
        Made("steady", 1e-3, 0.001, values=values),
        Made("slows", 2e-3, values=values),
        Made("speeds", 4e-3, values=values),
        Made("wavers", 5e-3, 0.05, values=values),
        Made("busy", 1e-3, flags=["throttled"]),
        Made("breaks", 1e-3),
        Made("mends", outcome="oom", detail="out of memory: 3 GiB"),
        Made("learns", None, quality={"fid": [1.5, 1.6, 1.7]}),
        Made("tf32", outcome="unsupported", detail="needs a GPU"),
    ]
    new = [
        Made("steady", 1e-3, 0.001, values={**values, "peak": 1.5 * 2**20}),
        Made("slows", 2.3e-3, values=values, source_hash="1"),
        Made("speeds", 3e-3, values={**values, "out_error_l2": 1e-7}),
        Made("wavers", 5e-3, 0.05, values=values),
        Made("busy", 1e-3),
        Made("breaks", outcome="incorrect", detail="a|b <c> exceeds its budget"),
        Made("mends", 1e-3),
        Made("learns", None, quality={"fid": [2.51, 2.6, 2.69]}),
        Made("tf32", outcome="unsupported", detail="needs a GPU"),
    ]
    return make_pair(tmp_path / "20260101-000000-ab-0000", base, new)


def test_golden_table_and_summary(story: tuple[Run, Run], tmp_path: Path) -> None:
    found = compare(story[0], [story[1]])
    table.write(found, DEFAULT_GATE, tmp_path / "comparison.csv")
    markdown.write(found, DEFAULT_GATE, tmp_path / "comparison.md")
    for name in ("comparison.csv", "comparison.md"):
        expect_golden(name, (tmp_path / name).read_text())


def test_the_table_is_tidy(story: tuple[Run, Run]) -> None:
    found = compare(story[0], [story[1]])
    frame = pd.read_csv(io.StringIO(table.table(found, DEFAULT_GATE).to_csv(index=False)))
    assert list(frame.columns) == list(table.COLUMNS)
    assert not frame.duplicated(["case", "new_case", "quantity"]).any()
    assert set(frame[frame["regression"]]["variant"]) == {"slows", "steady", "breaks", "learns"}
    times = frame[frame["quantity"] == "time"].set_index("variant")
    assert times.loc["slows", "ratio_low"] < 1.15 < times.loc["slows", "ratio_high"]
    assert times.loc["slows", "rounds"] == 15  # of the confirmation alone
    assert times.loc["slows", "source_changed"]
    assert times.loc["busy", "why"] == "throttled in BASE"


def test_worst_first_and_the_same_folded(story: tuple[Run, Run]) -> None:
    (found,) = compare(story[0], [story[1]])
    sorted_rows = parts(found)
    bad = [(row.verdict, row.match.case.variant) for row in sorted_rows.bad]
    assert bad[:2] == [("broken", "breaks"), ("slower", "slows")]
    assert {row.verdict for row in sorted_rows.good} == {"fixed", "faster", "better"}
    assert [row.match.case.variant for row in sorted_rows.doubtful] == ["wavers", "busy"]
    assert all(row.verdict in ("same", "unclear") for row in sorted_rows.quiet)
    assert sum(map(len, dataclasses.astuple(sorted_rows))) == len(found.rows)
    assert verdict_line(found, DEFAULT_GATE).startswith("Regression: cases 1 broken, 1 fixed")


def test_words_of_a_change(tmp_path: Path) -> None:
    found = paired(tmp_path, [Made("v"), Made("w")], [Made("v", 1.1e-3), Made("w", 3e-3)])
    assert re.fullmatch(r"\+\d+\.\d% \(\+\d+\.\d% to \+\d+\.\d%\)", change(row_of(found, "v")))
    assert change(row_of(found, "w")).startswith("3.0")
    told = lines(found.rows, Names(row.match for row in found.rows), DEFAULT_GATE)
    assert {line.case for line in told} == {"made/v", "made/w"}
    assert all(line.fails for line in told)


def conclusion(story: tuple[Run, Run], folder: Path, **options: object) -> tuple[int, str]:
    console = Screen(file=io.StringIO(), width=160)
    code = conclude(console, *story, folder, **options)  # type: ignore[arg-type]
    return code, console.file.getvalue()  # type: ignore[attr-defined]


def test_conclude_prints_and_writes(story: tuple[Run, Run], tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    code, text = conclusion(story, tmp_path / "out" / "deep", margin=0.02, summary=summary)
    assert code == 1
    written = sorted(path.name for path in (tmp_path / "out" / "deep").iterdir())
    assert written == ["comparison.csv", "comparison.html", "comparison.md"]
    assert summary.read_text() == "before\n" + (tmp_path / "out/deep/comparison.md").read_text()
    assert "working tree against main" in text
    assert "Regression: cases 1 broken" in text
    assert "over 4 of 8 cases" in text
    assert text.index("slows") < text.index("speeds")
    assert "rounds a side would settle it" in text
    code, text = conclusion(story, tmp_path / "again", gate=(), show_all=True)
    assert code == 1  # a broken case
    assert "Not shown" not in text


def test_a_comparison_that_cannot_be_written_is_told(
    story: tuple[Run, Run], tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(UserError, match="cannot write") as told:
        conclusion(story, tmp_path / "taken")
    assert told.value.exit_code == 4
    with pytest.raises(UserError, match="cannot write"):
        conclusion(story, tmp_path / "fine", summary=tmp_path / "no" / "folder.md")


def hostile(tmp_path: Path) -> tuple[Run, Run]:
    """Return runs whose names, details and settings try to break out of a page."""
    base = [Made(HOSTILE, 1e-3), Made("v", options={"x": HOSTILE})]
    new = [Made(HOSTILE, 2e-3), Made("v", options={"x": HOSTILE}, outcome="crash", detail=HOSTILE)]
    a = make(tmp_path / "a", base, pairing="x", confirm=15)
    environment = {"settings": {"OMP": HOSTILE}}
    b = make(tmp_path / "b", new, pairing="x", confirm=15, seed=1, environment=environment)
    return a, b


def test_hostile_text_stays_text_in_markdown(tmp_path: Path) -> None:
    base, new = hostile(tmp_path)
    text = markdown.markdown(compare(base, [new]), DEFAULT_GATE)
    assert "<script" not in text
    assert "<img" not in text
    assert markdown.text("a|b\n`c` *d* <e>") == "a\\|b\\\\n\\`c\\` \\*d\\* &lt;e&gt;"
    for line in text.splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 8, line


def test_the_page_stands_alone(story: tuple[Run, Run]) -> None:
    text = page.render(compare(story[0], [story[1], story[1]]), DEFAULT_GATE)
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=[\"']?https?:", text)
    body = strip_scripts(text)
    for target in re.findall(r'href="#([^"]+)"', body):
        assert f'id="{target}"' in body, target
    assert body.count("<section") == 2
    assert "exceeds its budget" in body


@pytest.mark.browser
def test_the_page_draws_in_a_browser(story: tuple[Run, Run], tmp_path: Path) -> None:
    page.write(compare(story[0], [story[1]]), DEFAULT_GATE, tmp_path / "comparison.html")
    document = browse(tmp_path / "comparison.html", tmp_path)
    charts = re.findall(r'<div class="chart[^>]*>(.*?)</figure>', document, re.S)
    assert len(charts) == 1
    assert "<svg" in charts[0] or "<canvas" in charts[0]
    assert "Error" not in charts[0]
    assert "dt-container" in document


@pytest.mark.browser
def test_hostile_text_stays_text_in_a_browser(tmp_path: Path) -> None:
    base, new = hostile(tmp_path)
    page.write(compare(base, [new]), DEFAULT_GATE, tmp_path / "comparison.html")
    document = browse(tmp_path / "comparison.html", tmp_path)
    assert "<title>b against a" in document
    assert "<img src" not in strip_scripts(document)


# the command


def command_line(*words: object) -> int:
    """Run `bench compare WORDS…` in this process; return its exit code."""
    app = typer.Typer()
    app.command()(command.compare)
    try:
        code = app(list(map(str, words)), standalone_mode=False)
    except UserError as error:
        return error.exit_code
    return code if isinstance(code, int) else 0


def test_one_folder_of_a_paired_comparison_is_enough(
    story: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = story[0].folder.parent
    assert command_line(folder, "--summary", tmp_path / "s.md") == 1
    assert (folder / "comparison.html").is_file()
    assert (tmp_path / "s.md").read_text().startswith("### working tree against main")
    assert not (tmp_path / "runs").exists()
    assert command_line(folder, "-k", "steady", "--gate", "time,errors") == 0
    assert command_line(folder / "A", folder / "B", "-k", "tf32") == 3


def test_outputs_of_runs_apart_have_a_folder_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two", "three"):
        make(tmp_path / name, [Made("v")])
    assert command_line("one", "two") == 0
    assert (tmp_path / "runs/comparisons/one--two/comparison.csv").is_file()
    assert command_line("one", "two", "three", "--output", "here") == 0
    frame = pd.read_csv(tmp_path / "here" / "comparison.csv")
    assert list(frame["new_run"]) == ["two", "three"]


@pytest.mark.parametrize(
    "words",
    [
        ["one"],
        ["one", "nothing-here"],
        ["one", "one", "--gate", "tim"],
        ["one", "one", "--margin", "0"],
        ["one", "other"],
    ],
)
def test_bad_input_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "one", [Made("v")])
    make(tmp_path / "other", [Made("v")], environment={"machine_id": "x"})
    assert command_line(*words) == 2
    assert not (tmp_path / "runs").exists()


def test_a_forced_comparison_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "one", [Made("v", values={"peak": 1.0})])
    make(tmp_path / "other", [Made("v", values={"peak": 2.0})], environment={"machine_id": "x"})
    assert command_line("one", "other", "--force") == 1
    assert command_line("one", "other", "--force", "--gate", "time") == 0


def test_gates_are_read() -> None:
    assert command.parse_gate("time, memory") == ("time", "memory")
    assert command.parse_gate("none") == ()


def test_an_old_run_against_itself_has_not_changed() -> None:
    """A published run has none of the fields that comparisons brought."""
    root = Path(__file__).resolve().parents[2] / "reports" / "published"
    run = read(next(iter(sorted(root.iterdir()))))
    found = compared(run, run)
    assert {row.verdict for row in found.rows} == {"same", "unclear", "not comparable"}
    assert exit_code([found]) == 0
    assert math.isclose(found.overall[0].ratio or 0, 1.0)


FD = {"fd_pixels": [4.0, 4.1, 4.2]}


@pytest.mark.parametrize(
    ("base", "new", "verdict", "why", "code"),
    [
        (
            {"quality": FD},
            {"quality_outcome": "timeout"},
            "broken",
            "timeout in quality: it hung",
            1,
        ),
        ({"quality_outcome": "oom"}, {"quality": FD}, "fixed", "was oom in quality: it hung", 0),
        (
            {"quality_outcome": "oom"},
            {"quality_outcome": "crash"},
            "not comparable",
            "BASE oom in quality: it hung; NEW crash in quality: it hung",
            0,
        ),
        ({}, {"quality_outcome": "error"}, "added", "error in quality: it hung", 0),
        ({"quality_outcome": "error"}, {}, "removed", "was error in quality: it hung", 0),
    ],
)
def test_a_quality_that_failed_is_no_silence(
    tmp_path: Path, base: dict, new: dict, verdict: str, why: str, code: int
) -> None:
    ours = make(tmp_path / "a", [Made("v", **base)])
    theirs = make(tmp_path / "b", [Made("v", **new)])
    found = compared(ours, theirs)
    row = row_of(found, "v", "quality")
    assert (row.verdict, row.why, row.group) == (verdict, why, "quality")
    assert row_of(found, "v", "time").ratio is not None  # what else was measured is compared
    assert exit_code([found]) == code
    assert exit_code([found], gate=("time",)) == 0


def test_a_quality_that_failed_diverged_nowhere(tmp_path: Path) -> None:
    """It cannot be told whether it would have: neither better nor worse."""
    diverged = make(tmp_path / "a", [Made("v", quality={"diverged_at_step": [3.0, 4.0]})])
    failed = make(tmp_path / "b", [Made("v", quality_outcome="timeout")])
    gone = row_of(compared(diverged, failed), "v", "diverged_at_step")
    come = row_of(compared(failed, diverged), "v", "diverged_at_step")
    assert (gone.verdict, gone.why) == ("removed", "timeout in NEW")
    assert (come.verdict, come.why) == ("added", "timeout in BASE")


def test_seeds_before_a_failure_are_compared(tmp_path: Path) -> None:
    base = make(tmp_path / "a", [Made("v", quality=FD)])
    new = make(tmp_path / "b", [Made("v", quality=FD, quality_outcome="timeout")])
    found = compared(base, new)
    assert row_of(found, "v", "fd_pixels").verdict == "same"
    assert row_of(found, "v", "quality").verdict == "broken"
