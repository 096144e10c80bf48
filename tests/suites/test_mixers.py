"""Mixers: every form is the definition, in float64; states go on; checks can fail."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from bench.cases.problem import Incorrect
from bench.cases.setting import Setting
from bench.cases.variant import Unsupported
from suites.mixers.attention import Attention
from suites.mixers.flash import Flash
from suites.mixers.gau import GatedAttention
from suites.mixers.lru import Lru
from suites.mixers.mamba import Mamba
from suites.mixers.mamba2 import Mamba2
from suites.mixers.mixer import Mixer, state_bytes
from suites.mixers.mixing import made
from suites.mixers.problem import Decoding, Layer, TextLearning
from suites.mixers.retnet import RetNet
from suites.mixers.rwkv import Rwkv
from suites.mixers.s4 import S4
from suites.mixers.s4d import S4d

WIDTH, SEQLEN = 16, 48
AS_ONE = 1e-10
CPU = Setting(torch.float32, torch.device("cpu"))
DOUBLE = Setting(torch.float64, torch.device("cpu"), "fwd_bwd")
FORMS: dict[str, Callable[[], Mixer]] = {
    **{f"attention-{f}": partial(Attention, WIDTH, 2, f) for f in ("fused", "plain")},
    "gau": partial(GatedAttention, WIDTH, SEQLEN),
    "flash": partial(Flash, WIDTH, SEQLEN, 16),
    **{
        f"retnet-{f}": partial(RetNet, WIDTH, 2, f, 16)
        for f in ("chunked", "recurrent", "parallel")
    },
    **{
        f"{kind.__name__.lower()}-{f}": partial(kind, WIDTH, f)
        for kind in (Rwkv, Lru, Mamba)
        for f in ("chunked", "recurrent")
    },
    **{f"mamba2-{f}": partial(Mamba2, WIDTH, 2, f) for f in ("chunked", "recurrent")},
    **{
        f"{kind.__name__.lower()}-{f}-{init}-{rule}": partial(kind, WIDTH, f, 8, init, rule)
        for kind in (S4, S4d)
        for f, init, rule in (
            ("convolution", "legs", "bilinear"),
            ("convolution", "legt", "zoh"),
            ("recurrent", "legs", "zoh"),
            ("recurrent", "legt", "bilinear"),
        )
    },
}


@pytest.fixture(params=list(FORMS))
def mixer(request: pytest.FixtureRequest) -> Mixer:
    """Return a mixer in float64 whose weights have all moved from where they begin."""
    found: Mixer = made(FORMS[request.param], DOUBLE)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in found.parameters():
            weight += 0.1 * torch.rand(weight.shape, generator=generator, dtype=weight.dtype)
    return found


def inputs(seqlen: int = SEQLEN) -> torch.Tensor:
    return torch.randn(2, seqlen, WIDTH, generator=torch.Generator().manual_seed(0)).double()


def test_every_form_and_its_gradients_are_the_definition(mixer: Mixer) -> None:
    weights, x = dict(mixer.named_parameters()), inputs()
    got, defined = mixer(x), mixer.definition(weights, x)
    assert (got - defined).abs().max() <= AS_ONE
    assert (got - x).norm() > 0.01 * x.norm()  # what is compared is more than the residual
    mine, theirs = (
        torch.autograd.grad(out.square().sum(), list(weights.values())) for out in (got, defined)
    )
    for own, other in zip(mine, theirs, strict=True):
        assert (own - other).norm() <= AS_ONE * other.norm()


def test_decoding_goes_on_where_a_context_ends(mixer: Mixer, no_gradients: None) -> None:
    x = inputs()
    whole, state = mixer(x), mixer.prefill(x[:, :32])
    for position in range(32, SEQLEN):
        token, state = mixer.decode(x[:, position], state)
        assert (token - whole[:, position]).abs().max() <= AS_ONE
    assert (mixer.last(x) - whole[:, -1]).abs().max() <= AS_ONE


def test_later_tokens_change_nothing(mixer: Mixer, no_gradients: None) -> None:
    x = inputs()
    changed = x.clone()
    changed[:, 30:] += 1
    assert (mixer(x)[:, :30] - mixer(changed)[:, :30]).abs().max() <= AS_ONE


def test_a_state_is_as_large_after_any_context_unless_it_is_a_cache(no_gradients: None) -> None:
    for name, build in FORMS.items():
        found = made(build, DOUBLE)
        short, long = (state_bytes(found.prefill(inputs(n))) for n in (16, 64))
        assert (short < long) == name.startswith(("attention", "gau")), name


def test_operations_by_formula_are_those_of_the_products_that_torch_counts() -> None:
    """Of attention and GAU, whose products are all there is; every pair is counted, not half."""
    for build in (FORMS["attention-plain"], FORMS["gau"]):
        found = made(build, DOUBLE)
        with FlopCounterMode(display=False) as counter:
            found(inputs()[:1])
        pairs = found.mix_flops(SEQLEN) - SEQLEN * found.mix_flops(1)
        per_pair = pairs / (SEQLEN * (SEQLEN + 1) - 2 * SEQLEN)
        hidden = per_pair * SEQLEN * (SEQLEN - 1)
        assert counter.get_total_flops() == pytest.approx(found.flops(SEQLEN) + hidden)


def test_operations_of_linear_mixers_grow_with_length_alone() -> None:
    for name, build in FORMS.items():
        found = made(build, DOUBLE)
        growth = found.flops(4096) / found.flops(1024)  # of n log n at most 4.8
        assert (growth > 4.8) == name.startswith(("attention", "gau")), name


@pytest.mark.parametrize("name", ["retnet-chunked", "mamba2-chunked", "rwkv-chunked"])
def test_a_mixer_that_sees_the_next_token_is_incorrect(name: str) -> None:
    problem = Layer(batch=2, seqlen=SEQLEN, width=WIDTH, num_heads=2)
    step = problem.ask(FORMS[name], CPU)
    mix = step.mixer.mix
    step.mixer.mix = lambda x: mix(x) + 1e-3 * x.roll(-1, 1)
    with torch.no_grad(), pytest.raises(Incorrect, match="out: relative L2 error"):
        problem.check(problem.call(step, CPU), problem.make_inputs(0, CPU), CPU)


def test_a_state_that_forgot_a_token_is_incorrect(no_gradients: None) -> None:
    problem = Decoding(batch=2, context=32, width=WIDTH, num_heads=2)
    step = problem.ask(FORMS["retnet-chunked"], CPU)
    step.state = step.mixer.prefill(step.context_BSW[:, :-1])
    with pytest.raises(Incorrect, match="out: relative L2 error"):
        problem.check(problem.call(step, CPU), problem.make_inputs(0, CPU), CPU)


def test_gau_has_half_the_parameters_of_attention_with_its_feed_forward() -> None:
    wide = 256  # where what GAU's heads share is little beside its weights
    built = (lambda: GatedAttention(wide, SEQLEN), lambda: Attention(wide, 4, "fused"))
    gau, attention = (made(build, DOUBLE) for build in built)
    count = [sum(w.numel() for w in m.parameters() if w.dim() > 1) for m in (gau, attention)]
    assert 2 * count[0] == pytest.approx(count[1], rel=0.2)


def test_rwkv_is_finite_at_exponents_beyond_float32(no_gradients: None) -> None:
    layer: Rwkv = made(FORMS["rwkv-chunked"], CPU)
    layer.key.weight *= 1000
    assert torch.isfinite(layer(inputs().float())).all()


def test_what_is_not_compiled_does_not_say_that_it_is() -> None:
    """Only a layer is compiled; other questions refuse."""
    for problem in (Decoding(context=8, width=WIDTH, num_heads=2), TextLearning(width=WIDTH)):
        with pytest.raises(Unsupported, match="compiled is asked of Layer"):
            problem.ask(FORMS["mamba-chunked"], CPU, compiled=True)
