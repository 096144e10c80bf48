"""Claims of patterns, norms, crossings and decoding, on records whose law is known."""

from __future__ import annotations

from dataclasses import replace
from math import isqrt

import pytest

from bench.cases.case import Case, Plain
from bench.judging.record import Record
from suites.attention import claims
from suites.attention.charts import _crossings, _family
from suites.attention.growth import families
from tests.judging.test_claims import LENGTHS, linear, record, softmax


def asked(case: Case, problem: str, **values: Plain) -> Case:
    return replace(case, problem=problem, values={**case.values, **values})


def sparse(time: float, pairs: float) -> list[Record]:
    """Return records of a stride of sqrt(n), whose time and pairs grow by these exponents."""
    return [
        record(
            replace(
                asked(softmax("by_residue", n), "StridedAttention", stride=isqrt(n)),
                flops=int(256 * n**pairs),
            ),
            1e-8 * n**time,
        )
        for n in LENGTHS
    ]


@pytest.mark.parametrize(
    ("time", "pairs", "verdict"),
    [(1.5, 1.5, "holds"), (2.0, 1.5, "fails"), (1.5, 2.0, "fails"), (1.5, 1.75, "fails")],
)
def test_sparse_cost(time: float, pairs: float, verdict: str) -> None:
    finding = claims.sparse_cost_is_n_sqrt_n.check(sparse(time, pairs))
    assert finding.verdict == verdict
    assert "n = 256–2048" in finding.figures[0]


@pytest.mark.parametrize(("power", "verdict"), [(1.0, "holds"), (2.0, "fails")])
def test_a_window_costs_its_width(power: float, verdict: str) -> None:
    records = [record(softmax("banded", n, window=128), 1e-6 * n**power) for n in LENGTHS]
    assert claims.window_cost_is_linear.check(records).verdict == verdict
    whole = [record(softmax("banded", n), 1e-6 * n**power) for n in LENGTHS]
    assert claims.window_cost_is_linear.check(whole).verdict == "untested"


@pytest.mark.parametrize(("crossing", "verdict"), [(400, "holds"), (1500, "fails")])
def test_linear_is_set_beside_softmax_at_equal_heads(crossing: int, verdict: str) -> None:
    records = [
        *[record(softmax("math", n, causal=False), 1e-8 * n**2, noise=0) for n in LENGTHS],
        *[record(linear("linear", n), 1e-8 * crossing * n, noise=0) for n in LENGTHS],
    ]
    finding = claims.linear_overtakes_softmax.check(records)
    assert finding.verdict == verdict
    assert f"at n = {crossing}" in finding.figures[0]
    assert "head_dim=64" in finding.figures[0]
    other = [record(softmax("math", n), 1e-8 * n**2) for n in LENGTHS]  # causal
    assert claims.linear_overtakes_softmax.check([*other, *records[4:]]).verdict == "untested"


@pytest.mark.parametrize(("largest", "verdict"), [(7.9, "holds"), (8.2, "fails")])
def test_logits_are_held_to_their_bound(largest: float, verdict: str) -> None:
    normed = record(asked(softmax("math", 512), "QKNormAttention", spread=30.0), 1e-3)
    normed.values.update(largest_logit=largest, largest_logit_without_norm=4000.0)
    finding = claims.qk_norm_bounds_logits.check([normed])
    assert finding.verdict == verdict
    assert "8.00 (4000 without)" in finding.figures[0]


@pytest.mark.parametrize(("factor", "verdict"), [(1.1, "holds"), (1.5, "fails")])
def test_a_norm_costs_little(factor: float, verdict: str) -> None:
    plain = record(softmax("math", 512), 1e-3, noise=0.005)
    normed = asked(softmax("math", 512), "QKNormAttention", spread=30.0)
    records = [plain, record(normed, 1e-3 * factor, noise=0.005)]
    assert claims.qk_norm_costs_little.check(records).verdict == verdict


def decoding(variant: str, n: int, kv_heads: int = 4) -> Case:
    case = softmax(variant, n, seqlen_q=1, seqlen_kv=n, num_kv_heads=kv_heads)
    return replace(case, bytes_moved=512 * n * kv_heads)


@pytest.mark.parametrize(("power", "verdict"), [(1.0, "holds"), (2.0, "fails")])
def test_decoding_reads_its_context(power: float, verdict: str) -> None:
    records = [record(decoding("math", n), 1e-9 * n**power) for n in LENGTHS]
    assert claims.decode_time_is_linear.check(records).verdict == verdict
    assert claims.softmax_time_is_quadratic.check(records).verdict == "untested"
    assert not families(records, "math")


@pytest.mark.parametrize(("share", "verdict"), [(0.3, "holds"), (0.9, "fails")])
def test_fewer_heads_make_a_smaller_cache(share: float, verdict: str) -> None:
    records = [
        record(decoding("math", 4096), 1e-3),
        record(decoding("math", 4096, kv_heads=1), 1e-3 * share),
    ]
    finding = claims.fewer_kv_heads_decode_faster.check(records)
    assert finding.verdict == verdict
    assert "0.250 of the bytes" in finding.figures[0]


def test_a_kind_of_question_is_named_by_what_makes_it() -> None:
    row = {"problem": "SinkAttention", "causal": True, "window": 128.0, "sinks": 4.0,
           "num_heads": 4, "head_dim": 64, "dtype": "float32", "pass": "fwd", "cache": "warm",
           "allocator": "fixed"}  # fmt: skip
    assert _family(row).startswith("SinkAttention, causal, window 128, sinks 4, head_dim 64")
    cache = {**row, "problem": "SoftmaxAttention", "seqlen_q": 1, "window": float("nan")}
    assert "one query on a cache" in _family(cache)


def test_one_operator_alone_crosses_nothing() -> None:
    import pandas as pd

    row = {"problem": "SoftmaxAttention", "variant": "math", "options": None, "causal": True,
           "num_heads": 4, "num_kv_heads": 4, "head_dim": 64, "dtype": "float32", "pass": "fwd",
           "cache": "warm", "allocator": "fixed", "seqlen_q": 256}  # fmt: skip
    rows = pd.DataFrame([{**row, "length": n} for n in (256, 512)])
    assert _crossings(rows) == []
