"""Charts of distributed training by ranks and device; importing the suite imports no engine."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bench.sides.server import Server
from suites.distributed.charts import charts


@pytest.mark.parametrize(
    ("devices", "titles"),
    [
        (("cpu", "cpu", "cpu"), ["2 ranks on cpu", "4 ranks on cpu"]),
        (("cuda:0", "cpu", "cpu"), ["2 ranks on cpu", "4 ranks on cpu"]),  # one GPU
        (("cuda:0", "cuda:0", "cpu"), ["4 ranks on cpu", "2 ranks on cuda:0"]),
    ],
)
def test_charts_draw_every_number_of_ranks_by_device(
    devices: tuple[str, ...], titles: list[str]
) -> None:
    row = {
        "problem": "DataParallelTraining",
        "outcome": "ok",
        "options": None,
        "flags": None,
        **dict.fromkeys(("time_s", "time_low_s", "time_high_s"), 0.1),
        **{"batch": 4, "seqlen": 16, "num_parameters": 100.0, "all_reduce_elements": 100.0},
        **dict.fromkeys(("parameters_bytes", "gradients_bytes"), 400.0),
        **dict.fromkeys(("model_states_paper_bytes", "model_states_engine_bytes"), 1600.0),
        **dict.fromkeys(("traffic_paper_elements", "traffic_engine_elements"), 200.0),
    }
    rows = [("single", 1), ("ddp", 2), ("ddp", 4)]
    asked = [
        {**row, "variant": v, "ranks": r, "case": f"{v}{r}", "device": device}
        for (v, r), device in zip(rows, devices, strict=True)
    ]
    frame = pd.DataFrame(asked)
    losses = pd.DataFrame(
        [(f"{v}{r}", v, "loss", 0, i, 5.0 - i) for v, r in rows for i in range(3)],
        columns=["case", "variant", "quantity", "seed", "index", "value"],
    )
    found = charts(frame, losses)
    assert [chart.title.partition(": ")[0] for chart in found] == titles
    beside_one_process = devices[1] == devices[0]  # never another device's
    assert ("one process is ddp, by 0.0e+00" in found[-1].caption) == beside_one_process
    for chart in found:
        chart.drawing.to_dict()  # altair checks it against its schema


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
