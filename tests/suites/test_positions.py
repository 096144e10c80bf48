"""Position encodings: what they tell is told apart, and RoPE's bases are those of the sum."""

from __future__ import annotations

import math

import pytest
import torch

from bench.cases.problem import Incorrect
from bench.cases.setting import Setting
from bench.selecting.discover import load_module, module_names, variants_of
from suites.positions.contexts import CONTEXTS
from suites.positions.encoding import Encoding, distances, rel_shift, toeplitz
from suites.positions.problem import PositionedAttention
from suites.positions.properties import attention_of, measured
from suites.positions.rope import rope
from suites.positions.rope_base import first_negative
from suites.positions.rotary import Rotary
from suites.positions.t5 import t5_bias

CPU = torch.device("cpu")
FLOAT32 = Setting(torch.float32, CPU)
VARIANTS = [v for name in module_names("suites.positions") for v in variants_of(load_module(name))]
ABSOLUTE = {"sinusoidal", "learned"}


def built(name: str, setting: Setting = FLOAT32, **values: int | bool) -> Encoding:
    (variant,) = (v for v in VARIANTS if v.name == name)
    problem = PositionedAttention(**{"num_heads": 2, "seqlen": 64, "head_dim": 16, **values})
    return variant.build(problem, setting, {})


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_only_what_is_added_to_tokens_tells_where_all_of_them_stand(variant) -> None:
    encoding = built(variant.name)
    found = {m.quantity: m.samples for m in measured(encoding.problem, encoding, 1, FLOAT32)}
    for quantity, rounding in (("logit_shift_change", 1e-12), ("out_shift_change", 1e-5)):
        (change,) = found[quantity]
        assert (change > 0.1) if variant.name in ABSOLUTE else (change < rounding), quantity


def test_attention_without_positions_looks_evenly_among_alike_tokens() -> None:
    found = {}
    for name in ("nope", "alibi", "rope"):
        encoding = built(name)
        (found[name],) = next(
            m.samples
            for m in measured(encoding.problem, encoding, 1, FLOAT32)
            if m.quantity == "attended_distance"
        )
    assert found["nope"] == pytest.approx(1.0, rel=1e-5)
    assert found["alibi"] < 0.8
    assert found["rope"] < 0.8


def test_weights_are_read_off_although_values_are_told_positions_too() -> None:
    encoding = built("shaw", causal=True)
    q, k, v = encoding.problem.make_inputs(0, FLOAT32).tensors
    weights = attention_of(encoding, q, v)
    assert torch.allclose(weights.sum(-1), torch.ones_like(weights[..., 0]), atol=1e-5)
    assert weights.triu(1).abs().max() < 1e-6
    assert k.shape == v.shape


def test_angles_in_bfloat16_are_not_rope() -> None:
    class Coarse(Rotary):
        """Turns by angles that were rounded."""

        def angles(self, position: torch.Tensor) -> torch.Tensor:
            return rope.build(self.problem, self.setting, {}).angles(position)

        def turned(self, x: torch.Tensor) -> torch.Tensor:
            angles = self.angles(torch.arange(self.problem.seqlen)).bfloat16().double()
            turn = torch.polar(torch.ones_like(angles), angles).to(torch.complex64)
            pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
            return torch.view_as_real(pairs * turn).flatten(-2).to(x.dtype)

    setting = Setting(torch.bfloat16, CPU)
    problem = PositionedAttention(num_heads=1, seqlen=256, head_dim=16)
    inputs = problem.make_inputs(0, setting)
    problem.check(problem.call(rope.build(problem, setting, {}), setting), inputs, setting)
    with pytest.raises(Incorrect, match="out: "):
        problem.check(problem.call(Coarse(problem, setting), setting), inputs, setting)


def test_a_gradient_of_parameters_that_is_wrong_is_found() -> None:
    setting = Setting(torch.float32, CPU, "fwd_bwd")
    problem = PositionedAttention(num_heads=2, seqlen=32, head_dim=8)
    encoding = t5_bias.build(problem, setting, {})
    inputs = problem.make_inputs(0, setting)
    call = problem.call(encoding, setting)
    problem.check(call, inputs, setting)
    for parameter in encoding.parameters():
        parameter.register_hook(lambda gradient: 1.01 * gradient)
    with pytest.raises(Incorrect, match="dparameters"):
        problem.check(call, inputs, setting)


def test_a_variant_returns_an_encoding() -> None:
    with pytest.raises(ValueError, match="expected the variant to return"):
        PositionedAttention().call(lambda inputs: inputs, FLOAT32)


@pytest.mark.parametrize("causal", [True, False])
def test_what_is_told_by_distance_is_laid_out_by_pairs(causal: bool) -> None:
    position = torch.arange(5)
    back = distances(position, causal).float()
    expected = (position[:, None] - position).float()
    laid = toeplitz(back[None], 5)[0]
    shifted = rel_shift(back.expand(5, -1)[None])[0]
    seen = torch.ones(5, 5, dtype=torch.bool).tril() if causal else torch.ones(5, 5) > 0
    assert torch.equal(laid[seen], expected[seen])
    assert torch.equal(shifted[seen], expected[seen])
    assert bool(laid[~seen].isinf().all())


def cosine_sum(base: float, head_dim: int, distance: int) -> float:
    return math.fsum(math.cos(distance * base ** (-i / head_dim)) for i in range(0, head_dim, 2))


@pytest.mark.parametrize(("base", "head_dim"), [(500.0, 128), (10_000.0, 64), (3000.0, 16)])
def test_the_first_negative_sum_is_found(base: float, head_dim: int) -> None:
    (found,) = first_negative(torch.tensor([base], dtype=torch.float64), head_dim, 2048).tolist()
    expected = next((m for m in range(2048) if cosine_sum(base, head_dim, m) < 0), 2048)
    assert found == expected


def test_bases_that_fit_are_no_half_line() -> None:
    """At 1024 tokens and 128 dimensions 4305 fits, 5998 fails again, and 10 000 fits."""
    bases = torch.tensor([2000.0, 4305.0, 5998.0, 10_000.0], dtype=torch.float64)
    fits = first_negative(bases, 128, 1024) >= 1024
    assert fits.tolist() == [False, True, False, True]
    assert 1024 in CONTEXTS


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"head_dim": 6}, "multiples of 4"),
        ({"seqlen": 64, "context": 32}, "context of at least 64"),
        ({"seqlen": 0}, "seqlen of at least 1"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(values: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        PositionedAttention(**values)
