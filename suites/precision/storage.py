"""Bytes that a training step holds after its backward pass, by kind."""

from __future__ import annotations

from bench import Measurement
from bench.workload import bytes_by_kind
from suites.precision.policy import Policy
from suites.precision.workload import Batch


def account(policy: Policy, batch: Batch) -> list[Measurement]:
    """Count distinct storages when most is alive: parameters, gradients, optimizer_state."""
    found: dict[str, int] = {}
    for phase in policy.phases(batch):
        if "backward" in phase:
            found = bytes_by_kind(policy.tensors_by_kind())
    return [Measurement(kind, "bytes", [float(count)]) for kind, count in found.items()]
