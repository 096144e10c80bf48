"""What a worker records: bounded events, ranges by name, what the dispatcher knows, memory."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
import torch

from bench.profiling.facts import Facts
from bench.profiling.recording import dispatcher, memory
from bench.profiling.recording.opening import Opening
from bench.profiling.recording.ranges import PhaseRanges, name_parts
from bench.profiling.recording.traces import (
    events_of,
    fitting,
    num_events,
    python_names,
    recorded,
)
from bench.profiling.trace import events_of as read_events
from tests.profiling.made_traces import event, named


def test_the_shortest_events_go_first_and_ranges_stay() -> None:
    events = [named("step", 0, 1.0), *(event(f"aten::o{i}", i, float(i)) for i in range(1, 10))]
    kept, gone, longest_us = fitting(events, 4)
    assert {e["name"] for e in kept} == {"step", "aten::o7", "aten::o8", "aten::o9"}
    assert (gone, longest_us) == (6, 6.0)
    assert fitting(events, 10) == (events, 0, 0.0)


def test_frames_are_named_by_folder_and_file() -> None:
    events: list[dict[str, Any]] = [
        event("/home/me/mine/file.py(3): step", 0, 1, "python_function"),
        event("<built-in method run of Engine object at 0x7ffa0>", 0, 1, "python_function"),
        event("aten::mm", 0, 1),
    ]
    assert [e["name"] for e in python_names(events)] == [
        "mine/file.py(3): step",
        "<built-in method run of Engine>",
        "aten::mm",
    ]


def test_the_dispatcher_tells_what_an_operator_is() -> None:
    names = ["aten::linear", "aten::matmul", "aten::mm", "aten::transpose", "aten::add_"]
    others = ["MmBackward0", "nobodys::own", "autograd::engine::evaluate_function: MmBackward0"]
    assert dispatcher.made_of_others([*names, *others]) == ["aten::linear", "aten::matmul"]
    assert dispatcher.views([*names, *others]) == ["aten::transpose"]


class Step:
    def work(self, x: torch.Tensor) -> torch.Tensor:
        return x @ x


def test_ranges_of_set_up_phases_and_parts_are_in_a_trace() -> None:
    step = Step()
    opening = Opening("cpu")
    with opening.first("inputs"):
        x = torch.ones(4, 4)
    name_parts({"network": (step, "work")})
    with opening.first("first call"):
        marks = PhaseRanges(["forward", "backward"])
        marks.begin()
        marks()
        step.work(x)
        marks()
        marks()
    events = opening.close()
    seen = {e.name: e for e in read_events(events) if e.kind == "range"}
    assert {"set-up", "inputs", "first call", "forward", "backward", "network"} <= set(seen)
    (mm,) = [e for e in read_events(events) if e.name == "aten::mm"]
    for around in ("first call", "forward", "network"):
        assert seen[around].start_s <= mm.start_s <= mm.end_s <= seen[around].end_s
    assert seen["forward"].end_s <= seen["backward"].start_s


def test_no_name_of_a_host_is_kept() -> None:
    with recorded("cpu", record_shapes=True) as profiler:
        torch.ones(4, 4) @ torch.ones(4, 4)
    (mm,) = [e for e in events_of(profiler) if e["name"] == "aten::mm"]
    assert mm["args"]["Input Dims"] == [[4, 4], [4, 4]]
    assert set(mm["args"]) <= {"Input Dims", "Input type", "Concrete Inputs", "External id"}


def test_of_every_stretch_the_moment_with_most_bytes_is_kept() -> None:
    times = [float(moment) for moment in range(1000)]
    series = {"a": [moment % 7 for moment in range(1000)], "b": [0] * 1000}
    found = memory.thinned(times, series)
    assert len(found.times_s) <= memory.MOST_MOMENTS
    assert max(found.bytes_by_category["a"]) == 6
    assert "b" not in found.bytes_by_category  # nothing of it was ever alive


def test_memory_is_told_from_the_step_on() -> None:
    with recorded("cpu", record_shapes=True, profile_memory=True, with_stack=True) as profiler:
        kept = torch.ones(256)
        again = [torch.ones(1024) for _ in range(3)]
    found = memory.memory_over_time(profiler, "cpu", 0.0)
    total = [sum(values) for values in zip(*found.bytes_by_category.values(), strict=True)]
    assert max(total) == 4 * (256 + 3 * 1024)
    assert kept.numel() + len(again) > 0  # alive until here


def test_calls_of_python_are_counted_where_stacks_are_asked() -> None:
    with recorded("cpu", with_stack=True) as profiler:
        for _ in range(500):
            perf_counter()
    assert num_events(profiler) >= 500  # so that a step of millions is known before torch sorts it


def test_cudas_history_is_bounded_and_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[Any] = []
    history, snapshot = "_record_memory_history", "_dump_snapshot"
    monkeypatch.setattr(torch.cuda.memory, history, lambda **told: asked.append(told))
    monkeypatch.setattr(torch.cuda.memory, snapshot, asked.append)
    memory.start_history()
    memory.save_history(tmp_path / "x.pickle")
    bounded, path, ended = asked
    assert bounded == {"max_entries": memory.MOST_HISTORY}
    assert path == str(tmp_path / "x.pickle")
    assert ended == {"enabled": None}


def test_the_cost_is_that_of_the_median_step() -> None:
    facts = Facts(0, 1, "cpu", plain_s=[1.0, 1.0, 9.0], profiled_s=[1.5, 1.5, 1.0])
    assert facts.cost == pytest.approx(0.5)
    assert facts.steps == 3
