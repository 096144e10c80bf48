"""What a contrastive loss holds and communicates, counted and predicted.

Forward and backward of the loss alone, from embeddings on: towers and their gradients' all-reduce
are those of any replicas.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist

from bench import Measurement, Setting
from suites.distributed.contrastive_workload import ContrastiveWorkload
from suites.distributed.live_bytes import LiveBytes
from suites.distributed.theory import traffic
from suites.distributed.traffic import Traffic, wire, wire_is_visible
from suites.models.two_towers import Embedded, Pairs


def account(
    problem: ContrastiveWorkload, step: Any, batch: Pairs, setting: Setting
) -> list[Measurement]:
    """Count bytes alive in the loss, its largest tensor, and traffic, beside what was predicted."""
    given = _leaves(step.embed(batch))
    together(setting)
    with wire() as sent, Traffic() as counted, LiveBytes() as held:
        step.loss(given).backward()
        together(setting)
    itemsize = setting.dtype.itemsize
    moved = step.predicted_traffic(problem.batch, setting.ranks, problem.embedding)
    values = {
        "loss_peak": (float(held.peak), "bytes"),
        "logits": (float(held.largest), "bytes"),
        "logits_engine": (
            float(itemsize * step.predicted_logits(problem.batch, setting.ranks)),
            "bytes",
        ),
        "logits_whole": (float(itemsize * problem.batch**2), "bytes"),
        "traffic_elements": (traffic(counted.elements), "1"),
        "traffic_engine_elements": (traffic(moved), "1"),
    }
    if wire_is_visible(setting.device) and setting.ranks > 1:
        values["wire"] = (float(sent.num_bytes), "bytes")
    found = [Measurement(name, unit, [value]) for name, (value, unit) in values.items()]
    return found + counted.measurements()


def together(setting: Setting) -> None:
    """Wait until every rank is here, and has sent all it had to."""
    if setting.ranks > 1:
        dist.barrier()


def _leaves(given: Embedded) -> Embedded:
    """Cut embeddings off from the towers."""

    def cut(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.detach().clone().requires_grad_()

    bias = None if given.bias is None else cut(given.bias)
    return Embedded(cut(given.images_BD), cut(given.texts_BD), cut(given.scale), bias)
