"""A file of stacks: properly nested, bounded, and drawn in proportion."""

from __future__ import annotations

import pytest

from bench.profiling.flame import boxes, speedscope
from bench.profiling.trace import events_of
from tests.profiling.made_traces import event, named

PLAIN = [
    event("bench/worker.py(1): attempt", 0, 1000, "python_function"),
    named("step", 100, 100),
    event("mine/file.py(3): step", 110, 80, "python_function"),
    event("aten::mm", 120, 40),
    event("aten::add", 165, 20),
]


def test_only_steps_are_shown_and_every_frame_ends() -> None:
    found = speedscope(events_of(PLAIN), "x")
    names = [frame["name"] for frame in found["shared"]["frames"]]
    assert names == ["step", "mine/file.py(3): step", "aten::mm", "aten::add"]
    (profile,) = found["profiles"]
    open_frames: list[int] = []
    moments = [change["at"] for change in profile["events"]]
    assert moments == sorted(moments)
    for change in profile["events"]:
        if change["type"] == "O":
            open_frames.append(change["frame"])
        else:
            assert open_frames.pop() == change["frame"]
    assert not open_frames
    assert profile["endValue"] == 100


def test_the_shortest_frames_go_first() -> None:
    found = speedscope(events_of(PLAIN), "x", most=3)
    assert "aten::add" not in [frame["name"] for frame in found["shared"]["frames"]]


def test_boxes_are_in_proportion() -> None:
    found = {box.name: box for box in boxes(speedscope(events_of(PLAIN), "x"))}
    assert found["step"].right - found["step"].left == pytest.approx(1.0)
    assert found["aten::mm"].right - found["aten::mm"].left == pytest.approx(0.4)
    assert found["aten::mm"].depth == 2


def test_nothing_comes_of_no_steps() -> None:
    assert boxes(speedscope(events_of(PLAIN[:1]), "x")) == []
