"""The proofs' own arithmetic: our rule as played is the rule, peers' verdicts, counts, pools."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from bench.cases.case import Attempt, Case, Measurement
from bench.errors import UserError
from bench.judging.rule import CONFIRM_PAIRS, LOOK_PAIRS, Pairs, judge_pairs, suspects
from bench.judging.statistics import interval
from bench.store import Manifest, Session, create, read
from bench.system.own import ROOT
from benchmarks import coverage, ours, real, share, simulated
from benchmarks.noise import SETTINGS
from benchmarks.peers import AS_USED, SAME_SAMPLES, Rule, rules
from benchmarks.pool import LEVELS, Pool, read_pool
from benchmarks.results import Target, tell
from benchmarks.samples import CHANGES, Draw, apart, interleaved
from benchmarks.targets import COST, better_in_both
from benchmarks.timer import Spin, clock_rows
from benchmarks.trials import FOUND, RUN_ALARMS, Count, play_ours, play_peer

PNG = b"\x89PNG\r\n\x1a\n"


def rule_named(name: str, samples: str = AS_USED) -> Rule:
    found = [rule for rule in rules()[0] if (rule.name, rule.samples) == (name, samples)]
    if not found:
        pytest.skip(f"{name} is not installed: pip install -e '.[selfcheck]'")
    return found[0]


def stairs(base: float, new: float, count: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """Return one row of one process a side: values a thousandth apart, from base and from new."""
    steps = np.arange(count) / 1000
    return (base + steps)[None, None, :], (new + steps)[None, None, :]


@pytest.mark.parametrize("index", [2, 3, 6, 8])
def test_our_rule_as_played_gives_the_rules_own_verdicts(index: int) -> None:
    rng = np.random.default_rng(index)
    logs = rng.normal(0, 0.012, (30, 5 + LOOK_PAIRS + CONFIRM_PAIRS, 2))
    logs[:, :, 1] += np.linspace(-0.06, 0.06, 30)[:, None] * (index % 3 / 2)
    stages = ours.Stages(*np.split(logs, [5, 5 + LOOK_PAIRS], axis=1))
    found = ours.weigh(stages)
    cases = [Pairs(list(np.exp(first))) for first in stages.first]
    for i in suspects(cases):
        confirm = stages.confirm[i] if found[i].confirmed else np.empty((0, 2))
        both = (list(np.exp(own)) for own in (confirm, stages.look[i]))
        cases[i] = Pairs(cases[i].first, next(both), look=next(both))
    words = {"slower": 1, "faster": -1}
    changes = judge_pairs(cases)
    assert ours.judge(found) == [words.get(change.verdict, 0) for change in changes]


def test_sides_are_dealt_out_in_pairs_or_one_after_the_other() -> None:
    unchanged = np.arange(2 * 8.0).reshape(2, 8, 1)
    draw = Draw(unchanged, unchanged[0] * (1 + np.array(CHANGES))[:, None, None])
    base, new = apart(draw)
    assert base.shape == (2 + len(CHANGES), 4, 1)
    assert base[1, :, 0].tolist() == [8, 9, 10, 11]
    assert new[1, :, 0].tolist() == [12, 13, 14, 15]
    assert new[2, :, 0] == pytest.approx(unchanged[0, 4:, 0] * 1.01)
    base, new = interleaved(draw, np.random.default_rng(3))
    pairs = np.sort(np.stack([base[1], new[1]], axis=1)[..., 0], axis=1)
    assert pairs.tolist() == [[8, 9], [10, 11], [12, 13], [14, 15]]
    flipped = [interleaved(draw, np.random.default_rng(i))[0][1] for i in range(20)]
    first_is_base = np.mean([base == [[8], [10], [12], [14]] for base in flipped])
    assert 0.2 < first_is_base < 0.8  # which goes first is drawn by lot
    # the changed case is dealt out as it would be unchanged
    assert new[5, :, 0] == pytest.approx(new[0, :, 0] * 1.05)


def test_an_interval_of_a_rate_is_clopper_and_pearsons() -> None:
    count = Count("rule", AS_USED, RUN_ALARMS, 0.0, 3, 200)
    expected = stats.beta.ppf([0.025, 0.975], [3, 4], [198, 197])
    assert count.interval == pytest.approx(tuple(expected))
    assert replace(count, hits=0).interval == pytest.approx((0.0, 1 - 0.025 ** (1 / 200)))


def test_fixed_thresholds_are_ratios_of_means() -> None:
    github = rule_named("github-action-benchmark 150 %")
    assert github.judge(*stairs(1.0, 1.51)).tolist() == [1]
    assert github.judge(*stairs(1.0, 1.49)).tolist() == [0]
    fixed = rule_named("pytest-benchmark mean:5%")
    assert fixed.judge(*stairs(1.0, 1.06)).tolist() == [1]
    assert fixed.judge(*stairs(1.0, 1.04)).tolist() == [0]
    assert fixed.judge(*stairs(1.0, 0.5)).tolist() == [0]


def test_the_u_test_sees_nine_repetitions_that_do_not_overlap() -> None:
    google = rule_named("Google Benchmark U test")
    assert google.judge(*stairs(1.0, 1.02)).tolist() == [1]
    assert google.judge(*stairs(1.02, 1.0)).tolist() == [-1]
    # shifted by one step of nine: U = 40.5 -/+ 8, nowhere near .05
    assert google.judge(*stairs(1.0, 1.001)).tolist() == [0]


def test_asv_wants_a_difference_and_a_factor() -> None:
    default, alone = rule_named("asv, factor 1.1"), rule_named("asv, statistics alone")
    assert default.judge(*stairs(1.0, 1.12, 10)).tolist() == [1]
    assert default.judge(*stairs(1.0, 1.08, 10)).tolist() == [0]
    # ten against ten that do not overlap: p = 2 / C(20, 10), below its .002
    assert alone.judge(*stairs(1.0, 1.08, 10)).tolist() == [1]
    assert alone.judge(*stairs(1.0, 1.003, 10)).tolist() == [0]


def test_pyperfs_t_test_is_a_pooled_one_at_five_percent() -> None:
    pyperf, rng = rule_named("pyperf"), np.random.default_rng(4)
    base, new = rng.normal(1, 0.01, (2, 60, 20, 3))
    p_values = stats.ttest_ind(base.reshape(60, -1), new.reshape(60, -1), axis=1).pvalue
    clear = np.abs(p_values - 0.05) > 0.005  # its table of quantiles is rounded
    assert (pyperf.judge(base, new) != 0)[clear].tolist() == (p_values < 0.05)[clear].tolist()


def test_fewer_false_alarms_than_a_test_that_counts_values_and_three_percent_found() -> None:
    setting = replace(SETTINGS[2], num_cases=20)
    tally, cost = play_ours(setting, np.random.default_rng(5), 15)
    counted = {(count.quantity, count.change): count.rate for count in tally.counts()}
    google = rule_named("Google Benchmark U test")
    peer = play_peer(google, setting, np.random.default_rng(6), 15)
    assert counted[RUN_ALARMS, 0.0] < peer.runs_with_alarm / peer.runs
    assert counted[FOUND, 0.03] >= 14 / 15
    assert 1 < cost < 2


def test_a_peer_better_in_both_would_be_named() -> None:
    def row(rule: str, quantity: str, hits: int, change: float = 0.0) -> dict[str, object]:
        counted = Count(rule, AS_USED, quantity, change, hits, 100)
        return {"setting": "quiet", **counted.row()}

    own = [row(ours.NAME, RUN_ALARMS, 5), row(ours.NAME, FOUND, 50, 0.03)]
    better = [row("peer", RUN_ALARMS, 1), row("peer", FOUND, 90, 0.03)]
    bolder = [row("peer", RUN_ALARMS, 60), row("peer", FOUND, 90, 0.03)]
    assert better_in_both([*own, *better]).met is False
    assert "peer (as used) at quiet" in better_in_both([*own, *better]).got
    assert better_in_both([*own, *bolder]).met is True


def test_coverage_is_that_of_the_instruments_own_intervals() -> None:
    logs = np.random.default_rng(1).normal(0, 0.03, (6, 9))
    for own, half in zip(logs, coverage.half_widths(logs), strict=True):
        found = interval({(0, n): math.exp(v) for n, v in enumerate(own)})
        assert found.half_width == pytest.approx(half)
    rows = list(coverage.play(50))
    assert {row["checkpoints"] for row in rows} >= {"5", "9/15"}
    assert all(0 <= row["coverage"] <= 1 for row in rows)


def test_a_case_stops_where_it_is_narrow() -> None:
    logs = np.zeros((2, 15))
    logs[1] = np.linspace(-1, 1, 15)
    _, halves, rounds = coverage.stopped(logs, (9, 15))
    assert rounds.tolist() == [9, 15]
    assert halves[0] == 0 < halves[1]


@pytest.mark.slow
def test_a_tiny_simulation_writes_its_table_and_its_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulated.main(jobs=1, quick=True, output=tmp_path)
    with (tmp_path / "simulated.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    own = {row["quantity"]: row for row in rows if row["rule"] == ours.NAME}
    assert own[RUN_ALARMS]["hits"] == "0"
    assert float(own[COST]["rate"]) > 1
    assert {row["samples"] for row in rows} == {AS_USED, SAME_SAMPLES}
    assert (tmp_path / "simulated.png").read_bytes().startswith(PNG)
    assert "no peer rule better in both" in capsys.readouterr().err


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Return a run folder of two yardsticks, 70 rounds of one process a level, 1 % spread."""
    rng = np.random.default_rng(9)
    cases = [
        Case("yardsticks", name, "m", "P", {}, options={"times": level})
        for name in ("matmul", "add")
        for level in LEVELS
    ]
    session = Session("2026-01-01T00:00:00+00:00", {"cpu": "a CPU", "python": "3.11"})
    manifest = Manifest([], "quick", "cpu", 1, 0.1, [70], cases, sessions=[session])
    run = create(tmp_path, manifest)
    for number in range(70):
        for case in cases:
            level = float(case.options["times"] or 0) / 100 * math.exp(rng.normal(0, 0.01))
            samples = [level * math.exp(rng.normal(0, 0.01)) for _ in range(12)]
            taken = [Measurement("time", "s", samples)]
            run.append(Attempt(case.id, "time", 0, number, "ok", measurements=taken))
    return run.folder


def test_a_pool_deals_out_consecutive_rounds_and_stages_that_share_none(recorded: Path) -> None:
    pool = read_pool(recorded)
    assert pool.times_WLRV.shape == (2, len(LEVELS), 70, 12)
    assert pool.num_cases == 12
    first, confirm = pool.stages(np.random.default_rng(1), [10, 30], 9)
    assert first.unchanged_CSV.shape == (12, 10, 9)
    assert first.changed_CSV.shape == (len(CHANGES), 10, 9)
    seen = set(first.unchanged_CSV.ravel()) & set(confirm.unchanged_CSV.ravel())
    assert not seen
    ratios = confirm.changed_CSV.mean(axis=(1, 2)) / confirm.unchanged_CSV[0].mean()
    assert ratios == pytest.approx([1 + change for change in CHANGES], rel=0.01)
    with pytest.raises(ValueError, match="at least 71"):
        pool.draw(np.random.default_rng(1), 71, 9)


def test_a_recorded_run_is_judged_by_every_rule(recorded: Path, tmp_path: Path) -> None:
    real.main(run=recorded, runs=4, output=tmp_path)
    with (tmp_path / "real.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {row["cpu"] for row in rows} == {"a CPU"}
    assert {row["trials"] for row in rows if row["quantity"] == RUN_ALARMS} == {"4"}
    assert (tmp_path / "real.png").read_bytes().startswith(PNG)


def test_a_run_without_enough_rounds_or_levels_is_refused(recorded: Path) -> None:
    golden = ROOT / "tests" / "data" / "golden"
    with pytest.raises(UserError, match="times=100,101"):
        read_pool(golden)
    records = recorded / "records.jsonl"
    lines = records.read_bytes().splitlines(keepends=True)
    records.write_bytes(b"".join(lines[: len(lines) // 2]))
    with pytest.raises(UserError, match="got 35 of 12"):
        read_pool(recorded)


def test_work_of_known_length_knows_it() -> None:
    spin = Spin(2e-5)
    for _ in range(5):
        spin()
    assert spin.truth_s >= 2e-5
    rows = clock_rows()
    assert all(0 < float(row["resolution_s"]) <= 1 for row in rows)


def test_a_pool_of_too_few_samples_gives_what_it_has() -> None:
    pool = Pool(["one"], np.ones((1, len(LEVELS), 40, 9)))
    assert pool.draw(np.random.default_rng(0), 2, 50).unchanged_CSV.shape == (6, 2, 9)


def test_targets_say_met_or_missed_or_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    told = [Target("a", "1", True), Target("b", "2", False), Target("c", "3", None)]
    tell(told, [], Console(stderr=True))
    assert [line.split() for line in capsys.readouterr().err.splitlines()] == [
        ["met", "a:", "1"],
        ["missed", "b:", "2"],
        ["c:", "3"],
    ]


def test_starts_are_timed_and_held_to_what_was_asked(tmp_path: Path) -> None:
    rows = {row["quantity"]: row for row in share.start_rows(tmp_path, 1)}
    assert 0 < rows["empty_attempt"]["value"] < rows["server_start"]["value"]
    golden = share.share_row(read(ROOT / "tests" / "data" / "golden"))
    assert 0 < golden["value"] < 1
