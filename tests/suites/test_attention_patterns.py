"""Patterns of attention: masks and scores pair by pair, forms that agree, and a user's own file."""

from __future__ import annotations

import csv
import math
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch
from torch.nn.attention import flex_attention

from bench.cases.setting import Setting
from bench.cases.variant import Unsupported, Variant
from bench.selecting.discover import load_module, module_names, variants_of
from suites.attention.alibi import AlibiAttention
from suites.attention.efficient import EfficientAttention
from suites.attention.fixed import FixedAttention
from suites.attention.flex import flex
from suites.attention.learned_sinks import LearnedSinkAttention
from suites.attention.local_strided import LocalStridedAttention
from suites.attention.packed import PackedAttention
from suites.attention.problem import Attention, SoftmaxAttention
from suites.attention.qk_norm import QKNormAttention
from suites.attention.sdpa import ForcedSdpa
from suites.attention.sinks import SinkAttention
from suites.attention.softcap import SoftcapAttention
from suites.attention.strided import StridedAttention
from tests.conftest import Bench
from tests.suites.on_cpu import CPU

FLOAT64 = Setting(torch.float64, CPU)
N = 24
# By hand, for query i and key j; a pattern's own `sees` is not asked.
PAIRS = {
    SoftmaxAttention(seqlen_q=N, window=5): lambda i, j: 0 <= i - j < 5,
    StridedAttention(seqlen_q=N, stride=6): lambda i, j: j <= i and i % 6 == j % 6,
    StridedAttention(seqlen_q=N, stride=6, causal=False): lambda i, j: i % 6 == j % 6,
    LocalStridedAttention(seqlen_q=N, stride=6): lambda i, j: (
        j <= i and (i - j < 6 or i % 6 == j % 6)
    ),
    FixedAttention(seqlen_q=N, stride=6, summary=2): lambda i, j: (
        j <= i and (i // 6 == j // 6 or j % 6 in (4, 5))
    ),
    SinkAttention(seqlen_q=N, window=6, sinks=2): lambda i, j: j <= i and (i - j < 6 or j < 2),
    PackedAttention(seqlen_q=N, num_sequences=3): lambda i, j: (
        j <= i and sum(i >= e for e in (4, 12)) == sum(j >= e for e in (4, 12))
    ),
}  # fmt: skip
KERNELS: list[Variant] = [
    found
    for name in module_names("suites.attention")
    for found in variants_of(load_module(name))
    if not found.compiles and issubclass(found.problem_type, Attention)
]
EXACT = [
    *PAIRS,
    SinkAttention(num_kv_heads=2, seqlen_q=N, window=12, sinks=3),
    StridedAttention(num_kv_heads=2, seqlen_q=N, stride=4),
    LocalStridedAttention(num_kv_heads=1, seqlen_q=N, stride=4),
    FixedAttention(num_kv_heads=1, seqlen_q=N, stride=4, summary=4),
    PackedAttention(num_kv_heads=2, seqlen_q=N, num_sequences=3, causal=False),
    AlibiAttention(num_kv_heads=2, seqlen_q=N),
    SoftcapAttention(seqlen_q=N, softcap=0.7),
    QKNormAttention(num_kv_heads=2, seqlen_q=N, spread=9.0),
    SoftmaxAttention(num_kv_heads=1, seqlen_q=1, seqlen_kv=N),
]
FOUR_OPERANDS = [  # for which only kernels of their own have a place
    LearnedSinkAttention(num_kv_heads=2, seqlen_q=N, window=5),
    LearnedSinkAttention(num_kv_heads=1, seqlen_q=1, seqlen_kv=N),
]


def drawn(problem: Attention | EfficientAttention):
    return problem.draw(torch.Generator().manual_seed(0), FLOAT64)


def by_hand(problem: Attention, hidden: torch.Tensor, logits: torch.Tensor, v: torch.Tensor):
    heads = v.repeat_interleave(problem.group, 1)
    return logits.masked_fill(hidden, -torch.inf).softmax(-1) @ heads


def logits_of(problem: Attention, q: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
    return q @ k.repeat_interleave(problem.group, 1).transpose(-2, -1) / problem.head_dim**0.5


def reference(problem: Attention) -> torch.Tensor:
    return problem.reference(problem.make_inputs(0, FLOAT64), torch.float64)[0]


@pytest.mark.parametrize("problem", PAIRS, ids=str)
def test_a_pattern_hides_what_its_definition_hides(problem: Attention) -> None:
    seen = torch.tensor([[PAIRS[problem](i, j) for j in range(N)] for i in range(N)])
    assert torch.equal(problem.mask(CPU), seen)
    assert problem.visible_pairs() == int(seen.sum())
    q, k, v = drawn(problem)
    expected = by_hand(problem, ~seen, logits_of(problem, q, k), v)
    torch.testing.assert_close(reference(problem), expected)


def test_scores_are_those_of_the_papers() -> None:
    later = torch.ones(N, N, dtype=torch.bool).triu(1)
    alibi = AlibiAttention(num_heads=8, seqlen_q=N)
    q, k, v = drawn(alibi)
    slopes = [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]  # section 3, 8 heads
    away = [[-abs(i - j) for j in range(N)] for i in range(N)]
    bias = torch.tensor(slopes).double()[:, None, None] * torch.tensor(away).double()
    expected = by_hand(alibi, later, logits_of(alibi, q, k) + bias, v)
    torch.testing.assert_close(reference(alibi), expected)

    capped = SoftcapAttention(seqlen_q=N, softcap=0.7)
    q, k, v = drawn(capped)
    expected = by_hand(capped, later, 0.7 * torch.tanh(logits_of(capped, q, k) / 0.7), v)
    torch.testing.assert_close(reference(capped), expected)

    normed = QKNormAttention(seqlen_q=N, spread=9.0)
    q, k, v = drawn(normed)
    q, k = (torch.nn.functional.rms_norm(x, x.shape[-1:], eps=1e-6) for x in (q, k))
    torch.testing.assert_close(
        reference(normed), by_hand(normed, later, logits_of(normed, q, k), v)
    )


def test_a_learned_sink_is_in_the_denominator_alone() -> None:
    """And where it is as low as can be, what is left is softmax attention."""
    problem = LearnedSinkAttention(num_kv_heads=2, seqlen_q=N)
    inputs = problem.make_inputs(0, FLOAT64)
    q, k, v, sinks = inputs.tensors
    unseen = torch.ones(N, N, dtype=torch.bool).triu(1)
    above = logits_of(problem, q, k).masked_fill(unseen, -torch.inf).exp()
    below = above.sum(-1, keepdim=True) + sinks.exp()[:, None, None]
    expected = above / below @ v.repeat_interleave(problem.group, 1)
    torch.testing.assert_close(problem.reference(inputs, torch.float64)[0], expected)
    sinks.fill_(-torch.inf)
    softmax = by_hand(problem, unseen, logits_of(problem, q, k), v)
    torch.testing.assert_close(problem.reference(inputs, torch.float64)[0], softmax)


def computed(kernel: Variant, problem: Attention, inputs: object) -> torch.Tensor:
    built = kernel.build(problem, FLOAT64, {})
    with ExitStack() as stack:
        if isinstance(built, ForcedSdpa):  # a worker ends with its restriction
            stack.push(built.restriction)
        return getattr(built, "step", built)(inputs)


@pytest.mark.parametrize("problem", [*EXACT, *FOUR_OPERANDS], ids=str)
def test_all_forms_of_a_pattern_agree(problem: Attention) -> None:
    """In float64; `tiled` keeps float32 whatever it is given."""
    inputs, exact, asked = drawn(problem), reference(problem), 0
    for kernel in KERNELS:
        if kernel.problem_type is type(problem):
            try:
                got = computed(kernel, problem, inputs)
            except Unsupported:
                continue
            tolerance = 1e-5 if kernel.name == "tiled" else 1e-12
            torch.testing.assert_close(got, exact, atol=tolerance, rtol=0)
            asked += 1
    assert asked >= 2


@pytest.mark.parametrize("problem", EXACT, ids=str)
def test_flex_attention_is_told_what_a_pattern_hides_and_scores(
    problem: Attention, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uncompiled, which takes no half a minute; it keeps scores in float32."""
    monkeypatch.setattr(flex_attention, "_FLEX_ATTENTION_DISABLE_COMPILE_DEBUG", True)
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    got = computed(flex, problem, drawn(problem))
    tolerance = 1e-5 if problem.scored else 1e-12
    torch.testing.assert_close(got, reference(problem), atol=tolerance, rtol=0)


def test_two_softmaxes_are_weights_of_an_average() -> None:
    """Each query's weights are positive and sum to one: constant values come back."""
    problem = EfficientAttention(num_heads=1, seqlen=N, head_dim=8)
    q, k, v = drawn(problem)
    (block, *_) = problem.blocks()
    assert torch.allclose(
        block.function(q[0, 0], k[0, 0], torch.ones_like(v[0, 0])), torch.ones(1).double()
    )
    weights = torch.stack([
        sum(q[0, 0, i].softmax(0)[d] * k[0, 0, :, d].softmax(0) for d in range(8)) for i in range(N)
    ])  # fmt: skip
    torch.testing.assert_close(block.function(q[0, 0], k[0, 0], v[0, 0]), weights @ v[0, 0])


def test_normed_logits_stay_below_their_bound() -> None:
    problem = QKNormAttention(seqlen_q=N, head_dim=16, spread=50.0)
    found = {
        m.quantity: m.samples[0]
        for m in problem.account(None, problem.make_inputs(0, FLOAT64), FLOAT64)
    }
    q, k, _ = drawn(problem)
    seen = logits_of(problem, q, k).tril().abs().max()
    assert found["largest_logit_without_norm"] == pytest.approx(float(seen), rel=1e-5)
    assert found["largest_logit_without_norm"] > 1000
    assert 0.5 < found["largest_logit"] <= math.sqrt(16)


@pytest.mark.parametrize(
    "bad",
    [
        lambda: SinkAttention(window=None),
        lambda: SinkAttention(window=4, sinks=5),
        lambda: LocalStridedAttention(causal=False),
        lambda: StridedAttention(stride=0),
        lambda: PackedAttention(batch=2),
        lambda: PackedAttention(seqlen_q=8, num_sequences=9),
        lambda: SoftcapAttention(softcap=0.0),
    ],
)
def test_what_a_pattern_cannot_be_is_refused(bad) -> None:
    with pytest.raises(ValueError, match="expected"):
        bad()


OWN = '''
from dataclasses import dataclass
from torch import Tensor
from suites.attention.problem import Attention

@dataclass(frozen=True)
class WindowAndSinks(Attention):
    """The last `window` keys and the first `sinks`."""
    window: int = 32
    sinks: int = 4

    def sees(self, query: Tensor, key: Tensor) -> Tensor:
        return (key <= query) & ((query - key < self.window) | (key < self.sinks))
'''  # fmt: skip


def test_a_pattern_in_a_users_file_is_contested_by_every_kernel(
    bench: Bench, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(OWN)
    words = ("--set", "seqlen=96", "--set", "num_heads=2", "--set", "rounds=1", "-k", "not flex")
    done = bench("run", tmp_path / "mine.py", *words, "--output", tmp_path / "runs", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (table,) = (tmp_path / "runs").glob("*/results.csv")
    with table.open() as lines:
        found = {row["variant"]: row for row in csv.DictReader(lines)}
    assert {name for name, row in found.items() if row["outcome"] == "ok"} >= {"math", "tiled"}
    assert {row["outcome"] for row in found.values()} <= {"ok", "unsupported"}
    twin = SinkAttention(num_heads=2, seqlen_q=96, window=32)
    assert float(found["math"]["flops"]) == twin.flops(FLOAT64)
    listed = bench("list", tmp_path / "mine.py", cwd=tmp_path)
    assert "flex/WindowAndSinks" in listed.stdout
