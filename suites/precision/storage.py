"""Bytes that a training step holds after its backward pass, by kind."""

from __future__ import annotations

from bench import Measurement
from bench.workload import bytes_by_kind
from suites.precision.policy import Policy
from suites.precision.workload import Batch


def account(policy: Policy, batch: Batch) -> list[Measurement]:
    """Count distinct storages when most is alive: parameters, gradients, optimizer_state.

    Beside them stands what the policy's formula says of all three.
    """
    found: dict[str, int] = {}
    for phase in policy.phases(batch):
        if "backward" in phase:
            found = bytes_by_kind(policy.tensors_by_kind())
    found["model_states_formula"] = _formula(policy)
    return [Measurement(kind, "bytes", [float(count)]) for kind, count in found.items()]


def _formula(policy: Policy) -> int:
    """Return the bytes of all states by formula; what is frozen has no gradient and no state."""
    weights = list(policy.network.parameters())
    trained = sum(w.numel() for w in weights if w.requires_grad)
    frozen = sum(w.numel() for w in weights if not w.requires_grad)
    return round(trained * policy.formula_bytes() + frozen * policy.storage.itemsize)
