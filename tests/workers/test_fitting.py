"""The largest batch that so many bytes hold is seen to fit, and one more row would not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from bench.cases.case import Case
from bench.cases.variant import Unsupported
from bench.workers.fitting import Peak, Search
from tests.conftest import ServerFor
from tests.workers.test_memory import quantities

MODULE = """
from dataclasses import dataclass
import torch
from bench import variant
from bench.operator import Operator

@dataclass(frozen=True)
class Rows(Operator):
    batch: int = 8
    width: int = 256
    parts: int = 1

    def __post_init__(self):
        if self.batch % self.parts:
            raise ValueError(f"expected parts that divide {self.batch}")

    input_names = ("x",)

    def draw(self, generator, setting):
        return (torch.randn(self.batch, self.width, generator=generator),)

    def output_shape(self):
        return (self.batch, self.width)

    def reference(self, operands, dtype):
        return [2 * operands.tensors[0].to(dtype)]

@variant
def linear(problem: Rows):
    return lambda tensors: tensors[0] + tensors[0]

@variant
def squared(problem: Rows):
    \"\"\"A buffer of the batch squared beside.\"\"\"
    def step(tensors):
        (x,) = tensors
        beside = torch.zeros(problem.batch, problem.batch)
        return x + x + beside.sum()
    return step

@variant
def too_large(problem: Rows):
    \"\"\"Runs out of memory from some batch on.\"\"\"
    def step(tensors):
        (x,) = tensors
        if problem.batch > 100:
            raise MemoryError(f"{problem.batch} rows")
        return x + x
    return step

@variant
def dies(problem: Rows):
    def step(tensors):
        (x,) = tensors
        if problem.batch > 100:
            import os
            os.kill(os.getpid(), 9)
        return x + x
    return step
"""
WITHIN = 4_000_000


@pytest.fixture(name="ask")
def _ask(server_for: ServerFor, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    (tmp_path / "rows.py").write_text(MODULE)
    server, log = server_for(()), str(tmp_path / "log.txt")

    def ask(
        variant: str,
        role: str = "fit",
        fit_bytes: int = WITHIN,
        call_s: float = 1e-5,
        **values: int,
    ) -> Any:
        values = {"batch": 8, "width": 256, "parts": 1, **values}
        case = Case("rows", variant, str(tmp_path / "rows.py"), "Rows", values)
        request = {"case": asdict(replace(case, fit_bytes=fit_bytes)), "role": role}
        return server.attempt({**request, "timeout_s": 120, "call_s": call_s, "log": log})

    return ask


@pytest.mark.parametrize("batch", [1, 8])
def test_one_more_row_would_not_fit(ask, batch: int) -> None:
    found = quantities(ask("linear", batch=batch))
    rows = int(found["fit_batch"])
    peak = quantities(ask("linear", "memory", batch=rows))["peak"]
    assert peak == found["fit_peak"] <= WITHIN
    assert quantities(ask("linear", "memory", batch=rows + 1))["peak"] > WITHIN


@pytest.mark.parametrize("batch", [1, 8, 300])
def test_where_more_may_fit_it_says_so(ask, batch: int) -> None:
    reply = ask("squared", batch=batch)
    rows = int(quantities(reply)["fit_batch"])
    assert quantities(ask("squared", "memory", batch=rows))["peak"] <= WITHIN
    more = quantities(ask("squared", "memory", batch=rows + 1))["peak"] <= WITHIN
    assert more <= ("a larger one may fit" in reply["labels"].get("fit", ""))
    assert quantities(ask("squared", "memory", batch=2 * rows))["peak"] > WITHIN


def test_of_a_line_the_first_prediction_is_right(ask) -> None:
    found = quantities(ask("linear"))
    assert found["fit_predicted"] == pytest.approx(found["fit_peak"], rel=1e-3)
    assert found["fit_row"] == pytest.approx(2 * 4 * 256, rel=0.02)


def test_a_batch_that_is_dealt_out_grows_by_whole_parts(ask) -> None:
    assert quantities(ask("linear", batch=8, parts=8))["fit_batch"] % 8 == 0


@pytest.mark.parametrize(
    ("variant", "fit_bytes", "why"),
    [
        ("linear", 100, "a batch of 1 is predicted to hold"),
        ("too_large", WITHIN, "oom: MemoryError"),
        ("dies", WITHIN, "a fork died of SIGKILL"),
    ],
)
def test_where_there_is_none_it_says_why(ask, variant: str, fit_bytes: int, why: str) -> None:
    reply = ask(variant, fit_bytes=fit_bytes)
    assert reply["outcome"] != "ok"
    assert why in reply["detail"]


def test_a_step_that_would_outlast_its_limit_is_not_tried(ask) -> None:
    reply = ask("linear", call_s=1.0)  # of 8 rows: some hundreds take over two minutes
    assert reply["outcome"] == "unsupported"
    assert "s to confirm" in reply["detail"]


@pytest.mark.parametrize("seen", [[Peak(1, 20), Peak(2, 20)], [Peak(1, 20), Peak(2, 10)]])
def test_what_does_not_grow_has_no_largest_batch(seen) -> None:
    with pytest.raises(Unsupported, match="does not grow"):
        Search(1000, 1).next(seen)


@pytest.mark.parametrize("power", [0.5, 1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("within", [500, 5000, 123456])
@pytest.mark.parametrize("step", [1, 7])
def test_a_curve_is_followed_to_its_end_or_told(power: float, within: int, step: int) -> None:
    def curve(batch: int) -> Peak:
        return Peak(batch, 40 + 3 * batch**power)

    search, seen = Search(within, step), [curve(step), curve(2 * step)]
    try:
        for _ in range(4):
            if (batch := search.next(seen)) is None:
                break
            assert batch % step == 0
            seen.append(curve(batch))
        result = search.result(seen)
    except Unsupported:
        assert all(peak.bytes > within for peak in seen)
        return
    (batch,) = next(m.samples for m in result.measurements if m.quantity == "fit_batch")
    assert curve(int(batch)).bytes <= within
    assert result.labels or curve(int(batch) + step).bytes > within
