"""Shares: by traces whose every time is known, never more than was measured, and what is left."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bench.checking.structure.structure import Structure
from bench.profiling.change import IDLE, MESSAGES, change_of_step, cost_of_a_call
from bench.profiling.read import profile_of
from reports.explanation.explain import explanations
from tests.explanation.made_profiles import traces_of, with_profile
from tests.explanation.test_planted_causes import explained, step
from tests.judging.made_pairs import compared
from tests.made_runs import Made, make, make_pair
from tests.profiling.made_traces import Plain, event, named, product, training_step

SAME = Structure(operators={"mm float32": 2})
US = 1e-6


def sides(base_us: float, new_us: float, **more: object) -> tuple[Made, Made]:
    base = Made("v", base_us * US, structure=SAME, **more)  # type: ignore[arg-type]
    return base, replace(base, time_s=new_us * US)


def test_a_difference_that_no_operator_belongs_to_has_no_share(tmp_path: Path) -> None:
    base, new = sides(100, 150)
    other = replace(SAME, allocations=2, allocated_bytes=16)
    new = replace(new, structure=other)
    traces = training_step(), training_step(slower=50)
    base = replace(base, structure=replace(other, allocations=1))
    found = explained(tmp_path, base, new, traces)
    assert [cause.sort for cause in found.causes] == ["operator", "structure"]
    assert found.causes[1].words == "1 allocation became 2"
    assert found.causes[1].share is None


def test_other_shapes_have_the_share_of_their_operators(tmp_path: Path) -> None:
    shapes = [replace(SAME, heavy={f"mm float32 8×{n} {n}×4": 2}) for n in (16, 32)]
    base, new = (
        replace(side, structure=structure)
        for side, structure in zip(sides(100, 150), shapes, strict=True)
    )
    found = explained(tmp_path, base, new, (training_step(), training_step(slower=50)))
    assert found.causes[0].sort == "structure"
    assert found.causes[0].words.startswith("other heavy operators")
    assert found.causes[0].share == pytest.approx(1, abs=0.1)


def test_a_planted_slowdown_is_put_down_to_its_operator(tmp_path: Path) -> None:
    traces = training_step(), training_step(slower=50)
    found = explained(tmp_path, *sides(100, 150), traces)
    first, *others = found.causes
    assert first.words.startswith("aten::mm (forward) 20 µs → 70 µs a step")
    assert first.share == pytest.approx(1, abs=0.1)
    assert not [cause for cause in others if abs(cause.share or 0) > 0.1]
    assert found.unexplained == pytest.approx(0, abs=0.1)


def test_what_got_faster_is_weighed_alike(tmp_path: Path) -> None:
    traces = training_step(slower=50), training_step()
    found = explained(tmp_path, *sides(150, 100), traces)
    assert found.rows[0].verdict == "faster"
    assert found.causes[0].words.startswith("aten::mm (forward) 70 µs → 20 µs")
    assert found.causes[0].share == pytest.approx(1, abs=0.1)


def test_what_traces_do_not_show_is_unexplained(tmp_path: Path) -> None:
    found = explained(tmp_path, *sides(100, 200), (training_step(), training_step(slower=40)))
    assert found.causes[0].share == pytest.approx(0.4, abs=0.02)
    assert found.unexplained == pytest.approx(0.6, abs=0.02)


def test_shares_never_come_to_more_than_the_change(tmp_path: Path) -> None:
    found = explained(tmp_path, *sides(100, 150), (training_step(), training_step(slower=80)))
    assert sum(cause.share or 0 for cause in found.causes) == pytest.approx(1)
    assert found.unexplained == pytest.approx(0)


@pytest.mark.parametrize("slower", [-15.0, 300.0])
def test_traces_of_another_change_explain_nothing(tmp_path: Path, slower: float) -> None:
    traces = training_step(), training_step(slower=slower)
    found = explained(tmp_path, *sides(100, 150), traces)
    assert found.unexplained == 1
    assert not found.causes
    assert found.told.endswith("another change")


def test_operators_that_moved_by_more_both_ways_explain_nothing(tmp_path: Path) -> None:
    base = [named("step", 0, 300), product(10, 100), event("aten::add", 150, 100)]
    new = [named("step", 0, 320), product(10, 200), event("aten::add", 220, 20)]
    found = explained(tmp_path, *sides(300, 320), (base, new), phases=[])
    assert found.unexplained == 1
    assert "both ways" in found.told


def test_operators_that_all_slowed_alike_are_one_cause(tmp_path: Path) -> None:
    def of(factor: float) -> list[Plain]:
        return [
            named("step", 0, 300 * factor),
            product(10 * factor, 100 * factor),
            event("aten::add", 120 * factor, 80 * factor),
        ]

    found = explained(tmp_path, *sides(300, 330), (of(1), of(1.1)), phases=[])
    (cause,) = found.causes
    assert cause.words.startswith("all 3 operators that take long changed alike, to 1.10")
    assert cause.share == pytest.approx(1, abs=0.1)


def test_calls_that_came_do_not_bear_what_the_profiler_costs(tmp_path: Path) -> None:
    more = event("aten::add", 80, 60)
    base = with_profile(make(tmp_path / "a", [Made("v")]), Made("v"), step(), phases=[])
    new = with_profile(make(tmp_path / "b", [Made("v")]), Made("v"), step(more), phases=[])
    both = [profile_of(run, Made("v").case) for run in (base, new)]
    assert all(profile is not None and not profile.failed for profile in both)
    cost = cost_of_a_call(*both)  # type: ignore[arg-type]
    assert cost == pytest.approx((10 + 10) * US / 3)  # 100 µs with it and 90 without, three calls
    table = change_of_step(*both).set_index("operator")  # type: ignore[arg-type]
    assert table.loc["aten::add", "change_s"] == pytest.approx(60 * US - cost)
    assert table.loc["aten::mm", "change_s"] == pytest.approx(0)


def on_gpu(kernel_us: float, gap_us: float) -> list[Plain]:
    """Return a step whose GPU computes, and then has nothing to do."""
    launched = product(10, 5)
    launched["args"]["External id"] = 7
    kernel = event("sgemm", 20, kernel_us, "kernel", tid=99, External_id=7)
    return [named("step", 0, 20 + kernel_us + gap_us), launched, kernel]


def test_a_gpu_that_waits_is_told_from_kernels_that_slowed(tmp_path: Path) -> None:
    waits = explained(tmp_path / "w", *sides(100, 150), (on_gpu(60, 20), on_gpu(60, 70)), phases=[])
    assert waits.causes[0].words == f"{IDLE} 40 µs → 90 µs a step"
    assert waits.causes[0].share == pytest.approx(1, abs=0.05)
    slow = explained(tmp_path / "s", *sides(100, 150), (on_gpu(60, 20), on_gpu(110, 20)), phases=[])
    assert slow.causes[0].words == "aten::mm (forward) 60 µs → 110 µs a step"
    assert slow.causes[0].share == pytest.approx(1, abs=0.05)


def messages(message_us: float) -> list[Plain]:
    """Return a step that waits for a message after its product, outside of any operator."""
    message = event("gloo:all_reduce", 75, message_us, tid=2)
    return [named("step", 0, 80 + message_us), product(10, 60), message]


def test_waiting_for_messages_is_told_from_python(tmp_path: Path) -> None:
    found = explained(tmp_path, *sides(100, 150), (messages(20), messages(70)), phases=[])
    assert found.causes[0].words == f"{MESSAGES} 20 µs → 70 µs a step"
    assert found.causes[0].share == pytest.approx(1, abs=0.1)


def test_more_collectives_have_the_share_of_what_waits_for_them(tmp_path: Path) -> None:
    base, new = (
        replace(side, structure=replace(SAME, collectives={"allreduce_ 256 bytes": number}))
        for number, side in enumerate(sides(100, 150), 1)
    )
    found = explained(tmp_path, base, new, (messages(20), messages(70)), phases=[])
    assert found.causes[0].words == "1 collective became 2: +1 allreduce_ 256 bytes"
    assert found.causes[0].share == pytest.approx(1, abs=0.1)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def _strange(path: Path) -> None:
    path.write_bytes(gzip.compress(b'{"traceEvents": [{"cat": "cpu_op"}]}'))


@pytest.mark.parametrize("damage", [_cut, _strange, Path.unlink])
def test_a_damaged_profile_costs_the_shares_alone(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    base, new = sides(100, 150)
    both = make_pair(tmp_path / "ab", [base], [replace(new, source_hash="1")])
    runs = [with_profile(run, base, training_step()) for run in both]
    (trace,) = traces_of(runs[1])
    damage(trace)
    (found,) = explanations(compared(*runs))
    assert [(cause.sort, cause.share) for cause in found.causes] == [("source", None)]
    assert found.unexplained == 1
    assert found.told.startswith("no trace of it in NEW that can be read")


def test_a_profile_of_one_side_weighs_nothing(tmp_path: Path) -> None:
    base, new = sides(100, 150)
    both = make_pair(tmp_path / "ab", [base], [new])
    (found,) = explanations(compared(with_profile(both[0], base, training_step()), both[1]))
    assert (found.causes, found.unexplained) == ([], 1)
    assert found.told == "no trace of it in NEW"
