"""Policies in one process: whichever ran before, each computes what it computes alone."""

from __future__ import annotations

import pytest
import torch

from bench.cases.setting import Setting
from bench.cases.variant import Unsupported, Variant
from bench.selecting.discover import load_module, module_names, variants_of
from bench.state.of_torch import torch_switches
from suites.precision.policy import Policy, finish
from suites.precision.problem import GPTTraining
from suites.precision.storage import account

CPU = Setting(torch.float32, torch.device("cpu"), "train")
SMALL = GPTTraining(batch=2, seqlen=16, num_layers=1, num_heads=2, dim=16, num_steps=2)


def variants() -> list[Variant]:
    """Return every policy that runs here and needs no compiler."""
    found = [v for name in module_names("suites.precision") for v in variants_of(load_module(name))]
    ours = [v for v in found if v.problem_type is GPTTraining and not v.compiles and not v.lacking]
    return sorted(ours, key=lambda variant: variant.name)


def built(variant: Variant, **options: object) -> Policy:
    try:
        return variant.build(SMALL, CPU, options)
    except Unsupported as reason:
        pytest.skip(str(reason))


def state() -> dict[str, object]:
    return {s.name: s.read() for s in torch_switches()} | {"chance": torch.initial_seed()}


def trained(policy: Policy) -> list[float]:
    policy.reset(3)
    batches = [SMALL.make_inputs(seed, CPU) for seed in range(2)]
    losses = [finish(policy.phases(batch)) for batch in batches]
    return [*losses, float(sum(weight.sum() for weight in policy.weights()))]


@pytest.mark.parametrize("variant", variants(), ids=lambda v: v.name)
def test_a_policy_leaves_torch_as_it_was(variant: Variant) -> None:
    before, drawn = state(), torch.get_rng_state()
    policy = built(variant)
    policy.reset(0)
    running = policy.phases(SMALL.make_inputs(0, CPU))
    for _ in running:
        assert state() == before  # between phases too
    assert state() == before
    assert torch.equal(torch.get_rng_state(), drawn)


@pytest.mark.parametrize("first", variants(), ids=lambda v: v.name)
def test_no_policy_leaks_into_the_next(first: Variant) -> None:
    built(first)
    for then in variants():
        try:
            policy = then.build(SMALL, CPU, {})
        except Unsupported:
            continue
        alone = trained(policy)
        trained(built(first))
        assert trained(policy) == pytest.approx(alone, rel=0, abs=0, nan_ok=True), then.name


@pytest.mark.parametrize("products", ["tf32", "bf16"])
def test_two_half_done_steps_do_not_meet(products: str) -> None:
    plain, other = Policy(SMALL, CPU), Policy(SMALL, CPU, products=products)
    alone, before = trained(plain), state()
    plain.reset(3)
    other.reset(3)
    ours, theirs = (p.phases(SMALL.make_inputs(0, CPU)) for p in (plain, other))
    next(theirs)
    next(ours)
    finish(theirs)
    assert finish(ours) == alone[0]
    assert state() == before


@pytest.mark.parametrize("products", ["ieee", "tf32", "bf16"])
def test_products_are_set_for_a_phase_and_no_longer(products: str) -> None:
    names = ("fp32_precision_cuda_matmul", "fp32_precision_mkldnn_matmul")
    before = [state()[name] for name in names]
    with Policy(SMALL, CPU, products=products).numerics():
        within = [state()[name] for name in names]
    assert within == ["tf32" if products == "bf16" else products, products]
    assert [state()[name] for name in names] == before


def test_a_level_that_torch_does_not_know_is_refused() -> None:
    variant = next(v for v in variants() if v.name == "matmul_level")
    with pytest.raises(ValueError, match="expected level high or medium, got 'highest'"):
        variant.build(SMALL, CPU, {"level": "highest"})


@pytest.mark.parametrize("variant", variants(), ids=lambda v: v.name)
def test_model_states_are_what_the_formula_says(variant: Variant) -> None:
    policy, batch = built(variant), SMALL.make_inputs(0, CPU)
    policy.reset()
    finish(policy.phases(batch))  # optimizer state is there after a first step
    found = {m.quantity: m.samples[0] for m in account(policy, batch)}
    states = found["parameters"] + found["gradients"] + found["optimizer_state"]
    assert states == pytest.approx(found["model_states_formula"], rel=0.02)
