"""Python's time between operators goes with calls that came, as far as it is what others have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.checking.structure.structure import Structure
from reports.explanation.around_calls import AROUND
from reports.explanation.explain import Explanation
from tests.explanation.test_planted_causes import explained
from tests.explanation.test_weighing import sides
from tests.profiling.made_traces import Plain, event, named, product

FEW = Structure(operators={"mm float32": 2})
MORE = replace(FEW, operators={"mm float32": 2, "add float32": 2})


def step(outside: float, adds: int = 0) -> list[Plain]:
    """Return a step of two products of 30 µs, of additions of 1 µs, and of Python."""
    adding = [event("aten::add", 60 + n, 1) for n in range(adds)]
    return [
        named("step", 0, 60 + outside + adds),
        product(0, 30),
        product(30, 30),
        *adding,
    ]


def found_in(folder: Path, outside: float) -> Explanation:
    """Explain a step with 40 µs of Python that has two additions more, and `outside` of it."""
    base, new = sides(100, 62 + outside)
    base, new = replace(base, structure=FEW), replace(new, structure=MORE)
    # the profiler costs nothing here, so that nothing is taken off calls that came
    free = {"plain_s": [1e-4], "profiled_s": [1e-4]}
    traces = step(40), step(outside, adds=2)
    return explained(folder, base, new, traces, phases=[], **free)


def test_what_goes_with_them_is_of_what_a_call_does(tmp_path: Path) -> None:
    found = found_in(tmp_path, outside=70)
    first, *others = found.causes
    assert first.sort == "structure"
    assert first.share == pytest.approx(1, abs=0.02)
    assert any(AROUND in told for told in first.details)
    assert not [cause for cause in others if (cause.share or 0) > 0.02]


def test_no_more_than_other_calls_have_goes_with_them(tmp_path: Path) -> None:
    found = found_in(tmp_path, outside=240)  # 200 more, of which two calls explain 40
    first, second, *_ = found.causes
    assert first.words.startswith("Python and libraries outside operators (forward)")
    assert first.share == pytest.approx(160 / 202, abs=0.01)
    assert second.sort == "structure"
    assert second.share == pytest.approx(42 / 202, abs=0.01)


def test_python_that_got_faster_goes_with_nothing_that_came(tmp_path: Path) -> None:
    found = found_in(tmp_path, outside=10)
    assert found.causes[0].words.startswith("Python and libraries outside operators (forward)")
    assert found.causes[0].share == pytest.approx(1, abs=0.1)
