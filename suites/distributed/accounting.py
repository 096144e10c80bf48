"""What a step costs besides time: bytes by kind and traffic, counted and predicted.

Predictions are made from the configuration alone; nothing here reads a storage to predict it.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping
from typing import Any

from torch.utils.flop_counter import FlopCounterMode

from bench import Measurement, Setting
from bench.workload import bytes_by_kind, heap_bytes
from suites.distributed.adam import STEP_COUNTER_BYTES
from suites.distributed.theory import (
    FLOAT32,
    MASTER_SHARE,
    MIXED,
    Layout,
    gloo_bytes,
    model_state_bytes,
    paper_traffic,
    traffic,
)
from suites.distributed.traffic import Traffic, wire, wire_is_visible
from suites.distributed.workload import Batch, Workload, rank_of

SETTLING_STEPS = 2  # engines trace or rebuild their buckets in the first steps


def account(problem: Workload, strategy: Any, batch: Batch, setting: Setting) -> list[Measurement]:
    """Take steps until the engine has settled, then count one."""
    for _ in range(SETTLING_STEPS):
        strategy.step(batch)
    with Traffic() as counted, wire() as sent:
        strategy.step(batch)
    held, _ = _after_backward(strategy, batch)
    layout = _layout(problem, setting)
    found = _bytes(strategy, layout, held) + _elements(strategy, layout, counted)
    if setting.ranks == 1:
        found.append(_products(strategy, batch))
    if setting.device.type == "cpu":
        found += _heap_growth(strategy, batch)
    if wire_is_visible(setting.device) and setting.ranks > 1:
        found += _wire(strategy, layout, sent.num_bytes)
    return found


def _layout(problem: Workload, setting: Setting) -> Layout:
    return Layout(problem.shapes(), setting.ranks, rank_of(setting), problem.itemsize)


def _after_backward(strategy: Any, batch: Batch) -> tuple[dict[str, int], int | None]:
    """Walk the storages where all model states are alive, and read the heap; finish the step."""
    held: dict[str, int] = {}
    heap = None
    for phase in strategy.phases(batch):
        if phase == "backward":
            held = bytes_by_kind(strategy.tensors_by_kind())
            heap = heap_bytes()
    return held, heap


def _heap_growth(strategy: Any, batch: Batch) -> list[Measurement]:
    """Build the engine again and see what malloc hands out for it, tensors of ours or not.

    A second witness beside the walk, which knows nothing of communication buffers.
    """
    strategy.release()
    gc.collect()
    before = heap_bytes()
    strategy.rebuild()
    for _ in range(SETTLING_STEPS):
        strategy.step(batch)
    _, after = _after_backward(strategy, batch)
    if before is None or after is None:
        return []
    return [_in_bytes("heap_growth", after - before)]


def _bytes(strategy: Any, layout: Layout, held: Mapping[str, int]) -> list[Measurement]:
    engine = strategy.predicted_bytes(layout)
    paper = _paper(strategy, layout)
    found = [_in_bytes(kind, count) for kind, count in held.items()]
    found += [_in_bytes(f"{kind}_engine", count) for kind, count in engine.items()]
    if strategy.as_paper:
        found += [_in_bytes(f"{kind}_paper", count) for kind, count in paper.items()]
        found.append(_in_bytes("model_states_paper", sum(paper.values())))
    found += [
        _in_bytes("model_states", _model_states(held)),
        _in_bytes("model_states_engine", _model_states(engine)),
        _in_bytes("step_counters_engine", STEP_COUNTER_BYTES * len(layout.shapes)),
    ]
    return found


def _paper(strategy: Any, layout: Layout) -> dict[str, float]:
    """Return the paper's bytes by kind, master weights told apart from the other states."""
    row = MIXED if layout.mixed else FLOAT32
    paper = model_state_bytes(strategy.stage, layout.num_parameters, layout.ranks, row)
    if not layout.mixed:
        return paper
    own = MASTER_SHARE * paper["optimizer_state"]
    return {**paper, "master_weights": own, "optimizer_state": paper["optimizer_state"] - own}


def _model_states(kinds: Mapping[str, float]) -> float:
    """Sum all kinds but the engine's buckets, whose size is an option and not the model's."""
    return sum(count for kind, count in kinds.items() if kind != "buckets")


def _elements(strategy: Any, layout: Layout, counted: Traffic) -> list[Measurement]:
    engine = _traffic_of(strategy, layout)
    as_stage = strategy.stage if strategy.traffic_stage is None else strategy.traffic_stage
    paper = paper_traffic(as_stage, layout.num_parameters) if layout.ranks > 1 else 0
    values = {
        "zero_stage": strategy.stage,
        "num_parameters": layout.num_parameters,
        "padding_engine_elements": strategy.padding(layout),
        "unevenness_engine_elements": strategy.unevenness(layout),
        "control_elements": counted.control_elements,
        "traffic_elements": traffic(counted.elements),
        "traffic_engine_elements": traffic(engine),
    }
    if strategy.as_paper:
        values["traffic_paper_elements"] = paper
    found = [Measurement(name, "1", [float(value)]) for name, value in values.items()]
    return found + counted.measurements()


def _traffic_of(strategy: Any, layout: Layout) -> dict[str, float]:
    """Plan the elements of a step, in which gradients may be reduced several times."""
    planned = strategy.predicted_traffic(layout)
    return {name: strategy.syncs * count for name, count in planned.items()}


def _products(strategy: Any, batch: Batch) -> Measurement:
    """Count the floating-point operations of a step's products; attention is none on a CPU."""
    with FlopCounterMode(display=False) as counted:
        strategy.step(batch)
    return Measurement("products", "1", [float(counted.get_total_flops())])


def _wire(strategy: Any, layout: Layout, num_bytes: int) -> list[Measurement]:
    found = [_in_bytes("wire", num_bytes)]
    itemsize = strategy.sends.itemsize if strategy.sends else layout.itemsize
    if not strategy.one_group:
        return found
    predicted = gloo_bytes(_traffic_of(strategy, layout), itemsize, layout.ranks)
    return found if predicted is None else [*found, _in_bytes("wire_engine", predicted)]


def _in_bytes(quantity: str, count: float) -> Measurement:
    return Measurement(quantity, "bytes", [float(count)])
