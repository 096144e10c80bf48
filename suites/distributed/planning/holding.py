"""What a rank holds under a strategy, what fits in its memory, and what it moves. Torch-free."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from suites.distributed.planning.activations import ITEMSIZE, activation_bytes
from suites.distributed.planning.shape import Shape
from suites.distributed.planning.strategies import KINDS, Planned, bytes_a_parameter
from suites.distributed.theory import PASSES

LARGEST = 1e15  # parameters; beyond, a plan is a typing error


@dataclass(frozen=True)
class Plan:
    """What is asked: a model, ranks, and how a rank trains. `batch` is the sequences of a rank."""

    shape: Shape
    ranks: int
    batch: int = 1
    seqlen: int = 2048
    checkpointing: str = "none"
    precision: str = "bf16_mixed"
    ranks_per_node: int = 8


@dataclass(frozen=True)
class Held:
    """Bytes of one rank: on its device by kind, and on its host."""

    device: dict[str, float]
    host: dict[str, float] = field(default_factory=dict)

    @property
    def model_states(self) -> float:
        """Return what the ZeRO paper counts: no activations, and nothing gathered."""
        return sum(self.device[kind] for kind in KINDS)

    @property
    def total(self) -> float:
        return sum(self.device.values())


def held(plan: Plan, strategy: Planned) -> Held:
    """Return the bytes of a rank after backward; `gathered` is one layer, whole, at work."""
    device, host = dict.fromkeys(KINDS, 0.0), dict[str, float]()
    for kind, each in bytes_a_parameter(strategy, plan.precision).items():
        own = each * plan.shape.num_parameters / _parts(plan, strategy, kind)
        (host if kind in strategy.on_host else device)[kind] = own
    device["gathered"] = _gathered(plan, strategy)
    device["activations"] = activation_bytes(
        plan.shape, plan.batch, plan.seqlen, plan.checkpointing, plan.precision
    )
    return Held(device, host)


def parts(plan: Plan, strategy: Planned) -> int:
    """Return over how many ranks a strategy divides what it divides."""
    if strategy.alone:
        return 1
    return min(plan.ranks, plan.ranks_per_node) if strategy.within else plan.ranks


def _parts(plan: Plan, strategy: Planned, kind: str) -> int:
    return parts(plan, strategy) if kind in strategy.divided else 1


def _gathered(plan: Plan, strategy: Planned) -> float:
    """Count a layer's whole weights and gradients at work, or all weights where they are kept."""
    if not strategy.gathers or parts(plan, strategy) == 1:
        return 0.0
    weights = plan.shape.num_parameters if strategy.whole else plan.shape.layer_parameters
    return ITEMSIZE[plan.precision] * (weights + plan.shape.layer_parameters)


def elements(plan: Plan, strategy: Planned) -> dict[str, float]:
    """Return the elements of whole buffers that a step hands to each collective, a rank.

    Nodes that are replicas of each other all-reduce their parts of the gradients.
    """
    count, own = plan.shape.num_parameters, parts(plan, strategy)
    ranks = 1 if strategy.alone else plan.ranks
    moved = {name: psi * count for name, psi in strategy.collectives.items() if own > 1}
    if strategy.within and ranks > own:
        moved["all_reduce"] = count / own
    return moved


def bytes_sent(plan: Plan, strategy: Planned) -> float:
    """Return the bytes that a rank sends in a step, by rings: (N-1)/N of a buffer a pass."""
    total, own = 0.0, parts(plan, strategy)
    for name, count in elements(plan, strategy).items():
        between = strategy.within and name == "all_reduce"
        group = plan.ranks / own if between else own
        total += PASSES[name] * count * ITEMSIZE[plan.precision] * (group - 1) / group
    return total


def largest_model(plan: Plan, strategy: Planned, memory: float) -> float:
    """Return how many parameters fit, of a model in the same proportions; 0 where none does."""

    def total(num_parameters: float) -> float:
        shape = plan.shape.of_size(num_parameters)
        return held(replace(plan, shape=shape), strategy).total

    return _largest(total, memory)


def largest_batch(plan: Plan, strategy: Planned, memory: float) -> int:
    """Return how many sequences a rank can train at once; 0 where the model does not fit."""
    own = held(plan, strategy)
    rest = memory - own.total + own.device["activations"]
    each = own.device["activations"] / plan.batch
    return max(int(rest / each), 0)


def _largest(total: Callable[[float], float], memory: float) -> float:
    """Bisect on the logarithm: `total` grows with its argument."""
    low, high = 1.0, LARGEST
    if total(low) > memory:
        return 0.0
    if total(high) <= memory:
        return high
    while high / low > 1 + 1e-9:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if total(middle) <= memory else (low, middle)
    return low
