"""Charts of distributed training by ranks and device; importing the suite imports no engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.cases.chart import Chart
from bench.sides.server import Server
from suites.distributed.charts import charts
from tests.suites.trained_by_ranks import training


def row(variant: str, ranks: int, device: str = "cpu", **more: object) -> dict[str, object]:
    case = training(variant, "m", ranks)
    stage = 3 if variant == "fsdp2" else 0
    held = 1600.0 / (ranks if stage else 1)
    return {
        **case.values,
        **{"variant": variant, "ranks": ranks, "case": replace(case, device=device).id},
        **{"problem": case.problem, "device": device, "outcome": "ok", "num_parameters": 100.0},
        **dict.fromkeys(("options", "flags")),
        **dict.fromkeys(("time_s", "time_low_s", "time_high_s"), 0.1),
        **{"parameters_bytes": held / 4, "gradients_bytes": held * 3 / 4},
        **dict.fromkeys(("model_states_paper_bytes", "model_states_engine_bytes"), held),
        **dict.fromkeys(("traffic_paper_elements", "traffic_engine_elements"), 200.0),
        "all_reduce_elements": 100.0,
        **more,
    }


def losses(*told: tuple[dict[str, object], list[float]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (own["case"], own["variant"], "loss", 0, step, value)
            for own, values in told
            for step, value in enumerate(values)
        ],
        columns=["case", "variant", "quantity", "seed", "index", "value"],
    )


def drawn(rows: list[dict[str, object]], told: pd.DataFrame | None = None) -> dict[str, Chart]:
    """Return charts by the words before their sizes; altair checks each against its schema."""
    found = charts(pd.DataFrame(rows), losses() if told is None else told)
    for chart in found:
        assert chart.drawing is not None, chart.caption
        chart.drawing.to_dict()
    return {chart.title.partition(": ")[0]: chart for chart in found}


def marks(chart: Chart, **of: object) -> pd.DataFrame:
    """Return the rows of all data of a drawing that have these values."""
    frames = [pd.DataFrame(data) for data in chart.drawing.to_dict()["datasets"].values()]
    frames = [frame for frame in frames if of.keys() <= set(frame.columns)]
    rows = pd.concat(frames)
    return rows[[all(own[k] == v for k, v in of.items()) for own in rows.to_dict("records")]]


HOLDS, TAKES, LOSSES = (
    "What a rank holds and sends on",
    "What a step takes on",
    "Losses beside one process on",
)


@pytest.mark.parametrize(
    ("devices", "expected"),
    [
        (("cpu", "cpu"), {f"{HOLDS} cpu", f"{TAKES} cpu", f"{LOSSES} cpu"}),
        (("cuda:0", "cpu"), {f"{HOLDS} cpu", f"{TAKES} cpu"}),  # one GPU
        (("cuda:0", "cuda:0"), {f"{HOLDS} cuda:0", f"{TAKES} cuda:0", f"{LOSSES} cuda:0"}),
    ],
)
def test_every_device_has_its_charts(devices: tuple[str, str], expected: set[str]) -> None:
    alone, shared = row("single", 1, devices[0]), row("ddp", 2, devices[1])
    told = losses((alone, [5.0, 4.0]), (shared, [5.0, 4.0]))
    assert set(drawn([alone, shared], told)) == expected


def test_bytes_stand_under_the_theorys_line_at_every_number_of_ranks() -> None:
    rows = [row(name, ranks) for name in ("ddp", "fsdp2") for ranks in (2, 3, 4)]
    chart = drawn(rows)[f"{HOLDS} cpu"]
    for ranks in (2, 3, 4):
        held = marks(chart, name="fsdp2", ranks=ranks)
        of_bytes = held[held["part"].isin(["parameters", "gradients"])]["value"].sum()
        assert of_bytes == pytest.approx(16 / ranks)
        paper = marks(chart, name="fsdp2", ranks=ranks, part="the paper")["value"]
        assert sorted(paper) == pytest.approx(sorted([16 / ranks, 2.0]))
        assert marks(chart, name="ddp", ranks=ranks, part="all reduce")["value"].sum() == 2.0


def test_of_several_sizes_one_is_drawn_and_precisions_stand_apart() -> None:
    rows = [row("ddp", 2, dim=128), row("ddp", 2, num_parameters=50.0)]
    chart = drawn(rows)[f"{HOLDS} cpu"]
    assert len(marks(chart, part="all reduce")) == 1
    assert "Of several sizes the largest is drawn." in chart.caption
    mixed = row("ddp", 2, precision="bf16_mixed")
    found = drawn([row("ddp", 2), mixed])
    assert {f"{HOLDS} cpu", f"{HOLDS} cpu, mixed precision"} <= set(found)


def test_a_theory_that_no_case_has_costs_no_chart() -> None:
    rows = [{k: v for k, v in row("ddp", 2).items() if "paper" not in k}]
    assert f"{HOLDS} cpu" in drawn(rows)


def test_losses_are_drawn_as_differences_from_one_process() -> None:
    alone, near, far = row("single", 1), row("ddp", 2), row("fsdp2", 4)
    told = losses((alone, [5.0, 4.0]), (near, [5.0, 4.0]), (far, [5.0, 4.5]))
    chart = drawn([alone, near, far], told)[f"{LOSSES} cpu"]
    gaps = {(r["name"], r["index"]): r["gap"] for r in marks(chart).to_dict("records")}
    assert gaps == {("ddp", 0): 0, ("ddp", 1): 0, ("fsdp2", 0): 0, ("fsdp2", 1): 0.1}
    assert set(marks(chart)["within"]) == {1e-4}
    assert "The farthest is fsdp2 at N = 4, by 1.0e-01" in chart.caption
    other = row("ddp", 2, case=str(near["case"]).replace("batch=4", "batch=8"))
    assert f"{LOSSES} cpu" not in drawn([alone, other], losses((alone, [5.0]), (other, [5.0])))


def test_what_was_not_timed_has_no_times() -> None:
    nothing = dict.fromkeys(("time_s", "time_low_s", "time_high_s"), float("nan"))
    assert f"{TAKES} cpu" not in drawn([row("single", 1, **nothing), row("ddp", 2, **nothing)])


def test_sizes_of_a_strategy_are_told_apart_where_it_was_timed_at_several() -> None:
    nothing = dict.fromkeys(("time_low_s", "time_high_s"), float("nan"))
    rows = [row("single", 1, batch=size) for size in (4, 8)] + [row("ddp", 2, **nothing)]
    chart = drawn(rows)[f"{TAKES} cpu"]
    labels = set(marks(chart, time=100.0)["label"])
    assert labels == {"single, N = 1, batch 4", "single, N = 1, batch 8", "ddp, N = 2, batch 4"}


def test_a_step_is_computing_and_waiting_beside_what_messages_take() -> None:
    waits = {"exposed_share": 0.25, "coreless_share": 0.05, "bare_over_step": 0.4}
    spreads = {"rank_time_spread": 0.05, "busy_spread": 0.1}
    scales = dict(zip(("", "_low", "_high"), (0.8, 0.7, 0.9), strict=True))
    scaling = {f"strong_efficiency{end}": value for end, value in scales.items()}
    rows = [row("single", 1), row("ddp", 2, **waits, **spreads, **scaling)]
    chart = drawn(rows)[f"{TAKES} cpu"]
    shared = marks(chart, label="ddp, N = 2").to_dict("records")
    parts = {own["part"]: own["ms"] for own in shared if own["ms"] == own["ms"]}
    expected = {"compute": 70.0, "exposed communication": 25.0, "no core to compute on": 5.0}
    assert parts == pytest.approx(expected)
    assert marks(chart, alone=40.0)["label"].tolist() == ["ddp, N = 2"]
    (told,) = marks(chart, efficiency=0.8).to_dict("records")
    assert (told["low"], told["high"]) == (0.7, 0.9)
    assert told["beside one process at"] == "equal total work"
    assert "in ends of a step in ddp, N = 2, by 5.0% of it" in chart.caption
    assert "in computing of a step in ddp, N = 2, by 10.0% of it" in chart.caption


def test_importing_the_suite_imports_no_engine(server: Server, tmp_path: Path) -> None:
    reply = server.attempt(
        {
            "call": "tests.suites.importing:by_a_suite",
            "arguments": {"package": "suites.distributed"},
            "timeout_s": 120,
            "log": str(tmp_path / "log.txt"),
        }
    )
    assert reply["outcome"] == "ok", reply
    assert "suites" in reply["answer"]
    assert "deepspeed" not in reply["answer"]
