"""A planned step as the rates of a run can predict it: ranks on devices of their own."""

from __future__ import annotations

from suites.distributed.planning.activations import ITEMSIZE, again_flops
from suites.distributed.planning.holding import Plan, elements
from suites.distributed.planning.step_time import Step
from suites.distributed.planning.strategies import Planned


def step_of(plan: Plan, strategy: Planned) -> Step:
    """Return a rank's products and a step's collectives."""
    tokens = float(plan.batch * plan.seqlen)
    flops = plan.shape.product_flops(tokens, plan.seqlen)
    flops += again_flops(plan.shape, tokens, plan.seqlen, plan.checkpointing)
    ranks = 1 if strategy.alone else plan.ranks
    moved = elements(plan, strategy)
    itemsize = ITEMSIZE[plan.precision]
    return Step(strategy.name, ranks, flops, moved, itemsize, plan.shape.num_layers)
