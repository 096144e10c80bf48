"""Tables of made-up traces: every second is somebody's, counts are those of the shapes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from bench.cases.case import Case
from bench.machine.ceilings.roofline import Bandwidth, Ceilings, ProductRate
from bench.profiling.bound import bound, ceilings_of, with_bounds
from bench.profiling.classes import AUTOGRAD, OUTSIDE, VIEWS, class_of
from bench.profiling.difference import difference
from bench.profiling.operators import breakdown, kernels, operators
from tests.profiling.made_traces import Plain, event, named, product, steps, training_step


def row(table: pd.DataFrame, operator: str, phase: str) -> pd.Series:
    (found,) = table[(table["operator"] == operator) & (table["phase"] == phase)].itertuples()
    return table.loc[found.Index]


def test_every_second_of_a_step_is_somebodys() -> None:
    table = operators(steps([*training_step(), *training_step(start=1000.0)]))
    assert table["self_s"].sum() == pytest.approx(100e-6)
    assert table["share"].sum() == pytest.approx(1.0)
    parts = breakdown(table).groupby("phase")["seconds"].sum()
    assert parts["forward"] == pytest.approx(40e-6)
    assert parts["backward"] == pytest.approx(50e-6)
    assert parts["between phases"] == pytest.approx(10e-6)


def test_an_operator_has_the_counts_of_its_shapes() -> None:
    mm = row(operators(steps(training_step())), "aten::mm", "forward")
    assert mm["calls"] == 1
    assert mm["flops"] == 2 * 8 * 16 * 4
    assert mm["bytes"] == 4 * (8 * 16 + 16 * 4) + 128  # read, and allocated within
    assert mm["dtype"] == "float32"


def test_what_only_calls_others_has_no_counts_and_its_own_time_alone() -> None:
    table = operators(steps(training_step()))
    linear = row(table, "aten::linear", "forward")
    assert (linear["flops"], linear["bytes"]) == (0, 0)
    assert linear["total_s"] == pytest.approx(30e-6)
    assert linear["self_s"] == pytest.approx(8e-6)
    assert row(table, "aten::t", "forward")["class"] == VIEWS
    assert row(table, "MmBackward0", "backward")["class"] == AUTOGRAD


def convolution(*within: str) -> list[Plain]:
    """Return a convolution of (2, 3, 8, 8) by (4, 3, 3, 3), and what it is handed on to."""
    shapes: dict[str, Any] = {
        "Input_Dims": [[2, 3, 8, 8], [4, 3, 3, 3], [4], [], [], [], [], [], []],
        "Input_type": ["float", "float", "float", *[""] * 6],
    }
    strided = ["", "", "", "[2, 2]", "[1, 1]", "[1, 1]", "False", "[0, 0]", "1"]
    own = ["", "", "", "[1, 1]", "[2, 2]", "[1, 1]", "1"]  # padding comes first there
    return [
        event("aten::convolution", 10, 60, **shapes, Concrete_Inputs=strided),
        event("aten::_convolution", 11, 58, **shapes, Concrete_Inputs=strided),
        *(event(name, 12, 50, **shapes, Concrete_Inputs=own) for name in within),
    ]


@pytest.mark.parametrize(
    ("within", "counted"),
    [
        (["aten::mkldnn_convolution"], "aten::mkldnn_convolution"),
        (["mine::convolution"], "aten::convolution"),
        ([], "aten::convolution"),
    ],
)
def test_a_convolution_is_counted_where_its_time_is(within: list[str], counted: str) -> None:
    table = operators(steps([named("step", 0, 100), *convolution(*within)], phases=[]))
    (found,) = table[table["flops"] > 0].to_dict("records")
    assert found["operator"] == counted
    assert found["flops"] == 2 * 2 * (4 * 4) * (4 * 3 * 3 * 3)
    assert set(table.loc[table["operator"].str.startswith("aten"), "class"]) == {"convolution"}


def test_backward_is_known_without_names_of_phases() -> None:
    table = operators(steps(training_step(), phases=[]))
    assert row(table, "aten::mm", "backward")["total_s"] == pytest.approx(30e-6)
    assert row(table, "aten::mm", "forward")["total_s"] == pytest.approx(20e-6)


def test_parts_of_a_step_are_told_apart() -> None:
    plain = [named("step", 0, 100), named("network", 10, 50), product(20, 30), product(70, 10)]
    table = operators(steps(plain, phases=[], parts=["network"]))
    by_part = table[table["operator"] == "aten::mm"].set_index("part")["self_s"]
    assert by_part["network"] == pytest.approx(30e-6)
    assert by_part[""] == pytest.approx(10e-6)


def test_a_gpu_is_told_by_its_kernels() -> None:
    launched = {**product(10, 5), "args": {**product(10, 5)["args"], "External id": 7}}
    plain = [
        named("step", 0, 100),
        launched,
        event("ampere_sgemm_32x32", 20, 60, "kernel", tid=99, External_id=7),
    ]
    found = steps(plain, phases=[], device="cuda:0")
    mm = row(operators(found), "aten::mm", "forward")
    assert mm["device_s"] == pytest.approx(60e-6)
    assert mm["share"] == 1.0
    (kernel,) = kernels(found).itertuples()
    assert (kernel.kernel, kernel.operator, kernel.calls) == ("ampere_sgemm_32x32", "aten::mm", 1)
    assert breakdown(operators(found))["seconds"].sum() == pytest.approx(60e-6)


def test_a_kernel_that_nobody_launched_is_told_too() -> None:
    plain = [named("step", 0, 100), event("graph_kernel", 20, 60, "kernel", tid=99)]
    found = steps(plain, phases=[], device="cuda:0")
    table = operators(found)
    assert row(table, "graph_kernel", "")["device_s"] == pytest.approx(60e-6)
    assert table["share"].sum() == pytest.approx(1.0)
    assert list(kernels(found)["kernel"]) == ["graph_kernel"]


def test_what_is_outside_of_steps_is_left_out() -> None:
    table = operators(steps([*training_step(), product(500, 400)]))
    assert table["self_s"].sum() == pytest.approx(100e-6)


def test_what_a_compiler_made_is_no_python() -> None:
    plain = [
        named("step", 0, 100),
        event("Torch-Compiled Region: 0/0", 10, 80),
        named("## Call CompiledFxGraph f4x ##", 20, 60),
    ]
    by_class = operators(steps(plain, phases=[])).groupby("class")["self_s"].sum()
    assert by_class["compiled"] == pytest.approx(80e-6)
    assert by_class[OUTSIDE] == pytest.approx(20e-6)


def test_a_planted_slowdown_is_put_down_to_its_operator() -> None:
    base, new = (operators(steps(training_step(slower=slower))) for slower in (0.0, 70.0))
    found = difference(base, new)
    first = found.iloc[0]
    assert (first["operator"], first["phase"]) == ("aten::mm", "forward")
    assert first["change_s"] == pytest.approx(70e-6)
    assert first["share"] == pytest.approx(1.0)
    assert (found["more_calls"] == 0).all()


def test_one_more_call_is_seen() -> None:
    base = operators(steps(training_step()))
    new = operators(steps([*training_step(), product(92, 5)]))
    found = difference(base, new)
    more = found[found["more_calls"] > 0]
    assert list(more["operator"]) == ["aten::mm"]
    assert list(more["phase"]) == ["between phases"]


CEILINGS = Ceilings(
    "cpu",
    1,
    [Bandwidth(1024, 1e9, 0.0, "copy")],
    [ProductRate("float32", 1e9, 0.0, 512)],
    launch_s=1e-6,
)


@pytest.mark.parametrize(
    ("flops", "moved", "seconds", "limit", "share"),
    [
        (1000.0, 10.0, 2e-6, "compute", 0.5),
        (10.0, 1000.0, 2e-6, "memory", 0.5),
        (100.0, 10.0, 2e-6, "launch", 0.05),
        (100.0, 10.0, 1e-4, "neither", 1e-3),
    ],
)
def test_what_bounds_an_operator(
    flops: float, moved: float, seconds: float, limit: str, share: float
) -> None:
    found = bound(CEILINGS, "float32", flops, moved, seconds, calls=1)
    assert found.limit == limit
    assert found.roofline_share == pytest.approx(share)


def test_nothing_is_said_without_ceilings() -> None:
    table = with_bounds(operators(steps(training_step())), None)
    assert set(table["limit"]) == {""}
    disturbed = [Ceilings("cpu", 1, disturbed=True)]
    case = Case("s", "v", "m", "p", {})
    assert ceilings_of(disturbed, case) is None
    assert ceilings_of([CEILINGS], case) == CEILINGS


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("aten::addmm", "matrix products"),
        ("aten::_scaled_dot_product_flash_attention_for_cpu", "attention"),
        ("aten::linear", "matrix products"),
        ("aten::matmul", "matrix products"),
        ("aten::upsample_bilinear2d", "elementwise"),
        ("aten::add_", "elementwise"),
        ("aten::sum", "reductions"),
        ("aten::copy_", "copies and filling"),
        ("aten::_foreach_mul_", "optimizer"),
        ("aten::native_layer_norm", "normalisation"),
        ("aten::convolution_backward", "convolution"),
        ("c10d::allreduce_", "communication"),
        ("ncclDevKernel_AllReduce_Sum_f32_RING_LL", "communication"),
        ("autograd::engine::evaluate_function: AddmmBackward0", "matrix products"),
        ("mine::own", "other"),
        (OUTSIDE, "other"),
    ],
)
def test_classes(name: str, expected: str) -> None:
    if name.startswith("autograd"):
        expected = AUTOGRAD
    assert class_of(name) == expected
