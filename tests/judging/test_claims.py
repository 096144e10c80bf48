"""Attention's claims on records whose law is known; how claims are found, judged and written."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.cases.case import Attempt, Case, Measurement
from bench.judging.claim import Claim, Finding, claim, claims_of
from bench.judging.record import Record, fold_case
from bench.machine.ceilings import Roofline
from reports import csv
from reports.findings import Judged, count_verdicts, judge
from suites.attention import claims, growth
from tests.conftest import Bench

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
ROUNDS = 5
LENGTHS = (256, 512, 1024, 2048)
Law = Callable[[int], float]


def softmax(variant: str, n: int, **changes: int | bool | str) -> Case:
    setting = {k: changes.pop(k) for k in ("dtype", "device", "pass_") if k in changes}
    values = {
        "batch": 1,
        "num_heads": 4,
        "num_kv_heads": 4,
        "seqlen_q": n,
        "seqlen_kv": n,
        "head_dim": 64,
        "causal": True,
        "window": None,
        **changes,
    }
    module = "suites.attention.made_up"
    return Case("attention", variant, module, "SoftmaxAttention", values, **setting)  # type: ignore[arg-type]


def linear(variant: str, n: int) -> Case:
    values = {"batch": 1, "num_heads": 4, "seqlen": n, "head_dim": 64, "causal": False}
    return Case("attention", variant, "suites.attention.made_up", "LinearAttention", values)


def record(case: Case, time_s: float, peak: float = 1e6, noise: float = 0.02) -> Record:
    """Return a record of five rounds; the noise is the case's own, and the same every time."""
    rng = random.Random(case.id)
    attempts = [
        Attempt(case.id, "memory", 0, 0, "ok", measurements=[Measurement("peak", "bytes", [peak])])
    ]
    for number in range(ROUNDS):
        sample = time_s * rng.lognormvariate(0, noise)
        measured = [Measurement("time", "s", [sample])]
        attempts.append(Attempt(case.id, "time", 0, number, "ok", measurements=measured))
    return fold_case(case, attempts)


def grown(case: Callable[[str, int], Case], variant: str, time: Law, peak: Law) -> list[Record]:
    return [record(case(variant, n), time(n), peak(n)) for n in LENGTHS]


def square(n: int) -> float:
    return 1e-8 * n**2


def line(n: int) -> float:
    return 1e-6 * n


def test_growth_of_a_known_law() -> None:
    (family,) = growth.families(grown(softmax, "math", square, line), "math").values()
    exponent = growth.time_exponent(family)
    assert exponent is not None
    assert exponent.estimate == pytest.approx(2.0, abs=0.05)
    assert exponent.count == ROUNDS
    memory = growth.memory_exponent(family)
    assert memory is not None
    assert (memory.estimate, memory.low) == (pytest.approx(1.0), memory.high)


def test_growth_is_per_sequence_where_the_batch_shrinks() -> None:
    records = [
        record(softmax("math", n, batch=8192 // n), square(n) * 8192 / n, line(n)) for n in LENGTHS
    ]
    (family,) = growth.families(records, "math").values()
    exponent = growth.time_exponent(family)
    assert exponent is not None
    assert exponent.estimate == pytest.approx(2.0, abs=0.05)


@pytest.mark.parametrize(
    ("law", "softmax_verdict", "linear_verdict"),
    [(square, "holds", "fails"), (line, "fails", "holds"), (lambda n: n**1.5, "fails", "fails")],
)
def test_growth_claims(law: Law, softmax_verdict: str, linear_verdict: str) -> None:
    plain = grown(softmax, "math", law, law)
    flash = grown(softmax, "sdpa_flash", law, law)
    recurrent = grown(linear, "linear", law, law)
    assert claims.softmax_time_is_quadratic.check(plain).verdict == softmax_verdict
    assert claims.softmax_memory_is_quadratic.check(plain).verdict == softmax_verdict
    assert claims.flash_memory_is_linear.check(flash).verdict == linear_verdict
    assert claims.linear_time_is_linear.check(recurrent).verdict == linear_verdict
    finding = claims.linear_memory_is_linear.check(recurrent)
    assert finding.verdict == linear_verdict
    assert "n = 256–2048" in finding.figures[0]


def test_two_lengths_short_ones_and_flagged_times_tell_nothing() -> None:
    plain = grown(softmax, "math", square, square)
    assert claims.softmax_time_is_quadratic.check(plain[:2]).verdict == "untested"
    short = [record(softmax("math", n), square(n)) for n in (32, 64, 128)]
    assert claims.softmax_time_is_quadratic.check(short).verdict == "untested"
    for flagged in plain:
        flagged.flags.append("contended")
    assert claims.softmax_time_is_quadratic.check(plain).verdict == "untested"
    assert claims.softmax_memory_is_quadratic.check(plain).verdict == "holds"


@pytest.mark.parametrize(
    ("device", "speedup", "verdict"),
    [
        ("cuda:0", 3.0, "holds"),
        ("cuda:0", 1.2, "fails"),
        ("cuda:0", 2.0, "untested"),
        ("cpu", 3.0, "untested"),
        ("cpu", 0.5, "untested"),
    ],
)
def test_flash_is_faster(device: str, speedup: float, verdict: str) -> None:
    records = [
        record(softmax("math", 1024, device=device), 1e-3 * speedup),
        record(softmax("sdpa_flash", 1024, device=device), 1e-3),
    ]
    finding = claims.flash_is_faster.check(records)
    assert finding.verdict == verdict
    assert "as fast" in finding.figures[-1]


@pytest.mark.parametrize(
    ("crossing", "verdict", "words"),
    [
        (400, "holds", "at n = 400"),
        (100, "holds", "below n = 256"),
        (1500, "fails", "at n = 1500"),
        (9000, "fails", "beyond n = 2048"),
    ],
)
def test_the_crossover_is_found(crossing: int, verdict: str, words: str) -> None:
    records = [
        *[record(linear("quadratic", n), square(n), noise=0) for n in LENGTHS],
        *[record(linear("linear", n), 1e-8 * crossing * n, noise=0) for n in LENGTHS],
    ]
    finding = claims.linear_overtakes_early.check(records)
    assert finding.verdict == verdict
    assert words in finding.figures[0]


def test_a_crossover_that_noise_may_move_is_untested() -> None:
    def verdict(noise: float) -> str:
        records = [
            *[record(linear("quadratic", n), square(n), noise=noise) for n in LENGTHS],
            *[record(linear("linear", n), 1e-8 * 600 * n, noise=noise) for n in LENGTHS],
        ]
        return claims.linear_overtakes_early.check(records).verdict

    assert (verdict(0), verdict(0.3)) == ("holds", "untested")  # 640 is the most


def test_a_crossover_beyond_short_lengths_is_untested() -> None:
    records = [record(linear("quadratic", 256), 1e-3), record(linear("linear", 256), 2e-3)]
    assert claims.linear_overtakes_early.check(records).verdict == "untested"


@pytest.mark.parametrize(
    ("share", "verdict"), [(0.25, "holds"), (0.9, "fails"), (0.3125, "untested")]
)
def test_hidden_blocks(share: float, verdict: str) -> None:
    banded = [
        record(softmax("math", 1024, window=128), 1e-2),
        record(softmax("banded", 1024, window=128), 1e-2 * share),
    ]
    assert claims.hidden_blocks_cost_nothing.check(banded).verdict == verdict
    flex = [
        record(softmax("flex", 1024), 1e-2),
        record(softmax("flex", 1024, window=128), 2e-2 * share),
    ]
    assert claims.hidden_blocks_cost_nothing.check(flex).verdict == verdict


def test_every_claim_is_untested_without_rows_and_says_what_lacks() -> None:
    found = claims_of(claims)
    assert len(found) == 15
    for one in found:
        finding = one.check([])
        assert finding.verdict == "untested"
        assert finding.figures
        assert "arXiv:" in one.source
        assert one.sentence.endswith(".")


def test_costs_that_no_length_has_fail_no_claim() -> None:
    """Grow slower than inputs do: what is measured is the call, or a buffer."""
    fixed: Law = lambda n: 2e-5 + 1e-9 * n  # noqa: E731
    for variant, judge_growth in (
        ("math", claims.softmax_time_is_quadratic),
        ("math", claims.softmax_memory_is_quadratic),
        ("sdpa_flash", claims.flash_memory_is_linear),
    ):
        assert judge_growth.check(grown(softmax, variant, fixed, fixed)).verdict == "untested"


def at_share(share: float, records: list[Record]) -> list[Record]:
    """Give every record a ceiling that it reaches to a share."""
    return [
        replace(r, roofline=Roofline(share * r.interval_of().estimate, "compute", 0.05))
        for r in records
    ]


def test_times_far_from_any_ceiling_are_of_calls_and_judge_nothing() -> None:
    slow = grown(softmax, "math", line, line)
    judge_time = claims.softmax_time_is_quadratic.check
    assert judge_time(at_share(0.02, slow)).verdict == "fails"
    assert judge_time(at_share(0.005, slow)).verdict == "untested"
    banded = record(softmax("banded", 1024, window=128), 0.9)
    whole = record(softmax("math", 1024, window=128), 1.0)
    hidden = claims.hidden_blocks_cost_nothing.check
    assert hidden(at_share(0.02, [banded, whole])).verdict == "fails"
    assert hidden(at_share(0.005, [banded, whole])).verdict == "untested"


def test_one_round_is_said_to_give_no_bounds() -> None:
    lone = [
        replace(r, samples={"time": {(0, 0): [[square(n)]]}})
        for r, n in zip(grown(softmax, "math", square, line), LENGTHS, strict=True)
    ]
    finding = claims.softmax_time_is_quadratic.check(lone)
    assert finding.verdict == "untested"
    assert finding.figures[0].endswith("2.00 (one round)")


def test_verdicts_are_counted() -> None:
    @claim("nobody")
    def holds(records: object) -> Finding:
        """Hold."""
        return Finding("holds")

    judged = [Judged("s", holds, verdict, []) for verdict in ("holds", "fails", "fails")]
    assert isinstance(holds, Claim)
    assert count_verdicts(judged) == "1 holds, 2 fail"
    assert count_verdicts([]) == ""


def test_claims_are_judged_on_their_own_suite_and_written(tmp_path: Path) -> None:
    from bench.store import read

    plain = grown(softmax, "math", square, square)
    judged = judge(plain)
    assert {found.suite for found in judged} == {"attention"}
    names = [found.claim.name for found in judged]
    place = names.index("softmax_time_is_quadratic")
    assert judged[place].verdict == "holds"
    csv.write_claims(read(GOLDEN), plain, tmp_path / "claims.csv")
    frame = pd.read_csv(tmp_path / "claims.csv")
    assert list(frame.columns) == ["suite", "claim", "verdict", "sentence", "source", "figures"]
    assert len(frame) == len(judged)
    assert list(frame["claim"]) == names
    assert frame["verdict"][place] == "holds"


def test_the_command_prints_claims_and_exits_0(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(GOLDEN, folder)
    done = bench("claims", folder)
    assert done.returncode == 0, done.stderr
    assert "untested Softmax attention as the equation stands" in done.stdout
    assert "arXiv:1706.03762" in done.stdout
    assert "\x1b" not in done.stdout
    assert bench("claims", tmp_path / "nowhere").returncode == 2
