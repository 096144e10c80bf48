"""Whom the budget accuses and what it finds: on shapes, planted faults and made-up errors."""

from __future__ import annotations

import pytest
import torch

from bench import Setting
from bench.checking import error_budget
from bench.checking.error_budget import NO_TERMS, Budget, terms_of_gradient
from bench.checking.realisations import MOST, Realisation, nudge_weights, nudged, realise, spread
from benchmarks.budget import judged
from benchmarks.planted import FAULTS
from benchmarks.shapes import Shape, any_shapes, large_shapes
from suites.attention.problem import SoftmaxAttention
from suites.attention.sdpa import sdpa_flash, sdpa_math

CPU = torch.device("cpu")
ORDINARY = [
    {"num_heads": 2, "seqlen_q": 1, "seqlen_kv": 100, "head_dim": 32},
    {"num_heads": 1, "seqlen_q": 3, "head_dim": 1},
    {"num_heads": 4, "num_kv_heads": 2, "seqlen_q": 100, "head_dim": 7},
    {"num_heads": 2, "num_kv_heads": 1, "seqlen_q": 1, "seqlen_kv": 257, "head_dim": 80},
    {"num_heads": 1, "seqlen_q": 1, "head_dim": 64},  # one key: exactly no gradient of q and k
    {"num_heads": 2, "seqlen_q": 5, "head_dim": 16, "window": 1},
]


def of_torch(shape: Shape[SoftmaxAttention]) -> dict[str, float]:
    variants = (sdpa_math, sdpa_flash)
    built = {v.name: v.build(shape.problem, shape.setting, {}) for v in variants}
    with torch.set_grad_enabled(shape.setting.backward):
        return dict(judged(shape, {name: getattr(b, "step", b) for name, b in built.items()}))


@pytest.mark.parametrize("values", ORDINARY)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("pass_", ["fwd", "fwd_bwd"])
def test_torchs_own_kernels_are_not_accused(
    values: dict[str, int], dtype: torch.dtype, pass_: str
) -> None:
    problem = SoftmaxAttention(**values)
    for seed in range(3):
        found = of_torch(Shape(problem, Setting(dtype, CPU, pass_), seed))
        assert set(found) == {"sdpa_math", "sdpa_flash"}
        assert all(share <= 1 for share in found.values()), found


def test_nor_over_a_stream_of_shapes() -> None:
    shapes = [s for s in any_shapes(16, 3) if isinstance(s.problem, SoftmaxAttention)]
    assert all(share <= 1 for shape in shapes for share in of_torch(shape).values())


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found(name: str) -> None:
    found = []
    for shape in large_shapes(14, 8):
        problem, setting = shape.problem, shape.setting
        step = FAULTS[name](problem, setting.dtype, setting.backward)
        with torch.set_grad_enabled(setting.backward):
            found += [share for _, share in judged(shape, {name: step})] if step else []
    assert found
    assert all(share > 1 for share in found)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave nothing but the scatter of errors in a budget, at a rate that can be counted."""
    monkeypatch.setattr(error_budget, "FALSE_ACCUSATIONS", 0.06)
    monkeypatch.setattr(error_budget, "HONEST", 1.0)
    monkeypatch.setattr(error_budget, "SUMMED", 0.0)


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("rows", [1, 3, 40])
def test_the_stated_rate_holds_where_rows_err_together(rows: int) -> None:
    """All elements of a row share one error: so many independent ones as there are rows."""
    generator = torch.Generator().manual_seed(rows)
    exact = torch.ones(rows, 16, dtype=torch.float64)
    sizes = torch.linspace(1, 3, rows, dtype=torch.float64)[:, None] * 1e-6

    def error() -> torch.Tensor:
        common = torch.randn(rows, 1, generator=generator, dtype=torch.float64)
        return common * sizes * torch.ones(rows, 16, dtype=torch.float64)

    accused, trials = 0, 400
    for _ in range(trials):
        budget = Budget.of(exact, [error() for _ in range(MOST)], torch.float64, 1.0)
        accused += budget.judge("out", exact + error()).worst["L2"] > 1
    assert accused / trials < 0.06 / 3 + 3 * (0.02 * 0.98 / trials) ** 0.5


def test_quantiles_of_f_are_scipys() -> None:
    from scipy.stats import f

    for above in (1, 2, 20, 500):
        for below in (32, 256):
            for rate in (1e-3, 1e-5):
                ours = error_budget._root_of_f(above, below, rate)
                assert ours == pytest.approx(f.isf(rate, above, below) ** 0.5, rel=0.06)


def test_a_case_of_few_elements_is_drawn_often_and_a_large_one_once() -> None:
    def drawn(numel: int) -> int:
        generator = torch.Generator().manual_seed(0)

        def draw(_: int) -> Realisation:
            exact = torch.randn(numel // 16, 16, generator=generator, dtype=torch.float64)
            return Realisation([exact], [exact.float()])

        return len(realise(draw, numel)[1][0])

    assert (drawn(16), drawn(1 << 13), drawn(1 << 17)) == (MOST, 8, 1)


def test_one_row_that_carries_the_error_wants_more_draws() -> None:
    generator = torch.Generator().manual_seed(0)
    exact = torch.ones(1 << 12, 32, dtype=torch.float64)

    def draw(_: int) -> Realisation:
        plain = exact.clone()
        plain[7] += 1e-3 * torch.randn(1, generator=generator, dtype=torch.float64)
        return Realisation([exact], [plain])

    _, errors = realise(draw, 0)
    assert len(errors[0]) > 8
    assert spread(exact, errors[0]).freedom < 2.5


def test_moved_inputs_differ_by_a_few_last_places() -> None:
    generator = torch.Generator().manual_seed(0)
    tensor = torch.randn(1000, dtype=torch.bfloat16, requires_grad=True)
    moved = nudged(tensor, generator)
    assert (moved.dtype, moved.requires_grad) == (torch.bfloat16, True)
    change = ((moved - tensor) / tensor).detach().abs()
    assert 0 < float(change.mean()) < float(change.max()) <= 5 * 2**-7
    whole = torch.arange(5)
    assert nudged(whole, generator) is whole


def test_moved_weights_are_the_same_for_the_same_number() -> None:
    def first(number: int) -> torch.Tensor:
        network = torch.nn.Linear(8, 8)
        torch.nn.init.ones_(network.weight)
        return nudge_weights(network, torch.float32, number).weight  # type: ignore[return-value]

    assert torch.equal(first(1), first(1))
    assert not torch.equal(first(1), first(2))
    assert torch.equal(first(0), torch.ones(8, 8))


def test_a_gradient_that_cancels_keeps_the_size_of_its_terms() -> None:
    torch.manual_seed(0)
    output, grad = torch.randn(4, 16, dtype=torch.float64), torch.randn(4, 16)
    terms = terms_of_gradient([(output, grad)], torch.ones(4, 16))
    zero = torch.zeros(4, 16, dtype=torch.float64)
    left = 2.0**-9 * output * grad  # what rounding each term to bfloat16 leaves
    plain = [zero.clone()]
    assert Budget.of(zero, plain, torch.bfloat16, 3.0, terms=terms).judge("dq", left).within
    assert not Budget.of(zero, plain, torch.bfloat16, 3.0, terms=terms).judge("dq", 9 * left).within
    assert not Budget.of(zero, plain, torch.bfloat16, 3.0, terms=NO_TERMS).judge("dq", left).within


def test_nothing_is_no_share_of_nothing() -> None:
    zero = torch.zeros(3, 4, dtype=torch.float64)
    assert Budget.of(zero, [zero], torch.float32, 2.0).judge("out", zero).share == 0.0


def test_what_is_wrong_is_told_by_its_norm() -> None:
    torch.manual_seed(0)
    exact = torch.randn(64, 64, dtype=torch.float64)
    plain = [(exact * (1 + 2.0**-9 * torch.randn(64, 64))) - exact for _ in range(16)]
    budget = Budget.of(exact, plain, torch.bfloat16, 2.0)
    assert "scale error" in budget.judge("out", exact * 1.006).describe()
    wrong = exact.clone()
    wrong[5, 6] += 1
    assert "at (5, 6)" in budget.judge("out", wrong).describe()
    assert "not finite" in budget.judge("out", exact * float("inf")).describe()
    assert "L2 error" in budget.judge("out", exact * (1 + 0.02 * torch.randn(64, 64))).describe()
