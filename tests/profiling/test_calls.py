"""The calls of a step one by one, and which of them two profiles have in common."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from bench.profiling.aligned import MOST, Changed, changed_calls
from bench.profiling.calls import Call, averaged, calls, shapes_of
from tests.profiling.made_traces import Plain, event, named, product, steps

MM = ("forward", "", "aten::mm")


def of(*plain: Plain) -> list[Call]:
    return calls(steps([named("step", 0, 1000), *plain], phases=[]))


def products(*durations: float, k: int = 16) -> list[Plain]:
    return [product(10 + 100 * place, dur, k=k) for place, dur in enumerate(durations)]


def made(*told: tuple[str, float]) -> list[Call]:
    """Return calls by name, or name and shape, and seconds."""
    split = [(name.split(), seconds) for name, seconds in told]
    return [Call(("", "", name[0]), "".join(name[1:]), s) for name, s in split]


def grown(found: Sequence[Changed]) -> list[tuple[int, int, str]]:
    return [(c.number, c.of, c.sort) for c in found if c.change_s]


def test_calls_are_told_in_order_with_their_own_time() -> None:
    outer = event("aten::linear", 10, 50, Input_Dims=[[8, 16], [], [[2, 2]]])
    found = of(outer, product(20, 30), product(200, 5))
    assert [(c.place[2], c.shapes) for c in found] == [
        ("aten::linear", "8×16"),
        ("aten::mm", "8×16 16×4"),
        ("aten::mm", "8×16 16×4"),
    ]
    assert [c.seconds for c in found] == pytest.approx([20e-6, 30e-6, 5e-6])


def test_steps_that_do_the_same_are_averaged_and_others_left_out() -> None:
    plain = [
        *(named("step", 1000 * number, 900) for number in range(3)),
        *(product(10 + 1000 * number, 20 + 10 * number) for number in range(3)),
        event("aten::add", 2500, 70),
    ]
    (found,) = calls(steps(plain, phases=[]))
    assert found.seconds == pytest.approx(25e-6)
    assert averaged([]) == []


def test_of_a_gpu_a_call_has_the_time_of_its_kernels() -> None:
    launched = product(10, 5)
    launched["args"]["External id"] = 7
    kernel = event("sgemm", 20, 60, "kernel", tid=99, External_id=7)
    assert [c.seconds for c in of(launched, kernel)] == pytest.approx([60e-6])


def test_nothing_is_counted_in_a_trace_that_lost_events() -> None:
    plain = [named("step", 0, 100), product(10, 20)]
    assert calls(steps(plain, phases=[], dropped=1)) == []


@pytest.mark.parametrize("args", [{}, {"Input Dims": ""}, {"Input Dims": [[], "", None, [[1]]]}])
def test_shapes_may_be_unknown(args: dict[str, object]) -> None:
    assert shapes_of(args) == ""


def test_of_many_tensors_the_first_shapes_are_told() -> None:
    assert shapes_of({"Input Dims": [[1], [2, 3], [], [4], [5]]}) == "1 2×3 4 …"


@pytest.mark.parametrize("slow", range(6))
def test_the_call_that_slowed_is_known_by_its_order(slow: int) -> None:
    durations = [20.0] * 6
    base = of(*products(*durations))
    durations[slow] += 50
    found = changed_calls(base, of(*products(*durations)))[MM]
    assert grown(found) == [(slow + 1, 6, "stayed")]
    assert found[slow].shapes == "8×16 16×4"
    assert found[slow].change_s == pytest.approx(50e-6)


def test_other_operators_between_do_not_matter_where_the_calls_are_the_same() -> None:
    base = made(("mm", 1), ("add", 1), ("mm", 1), ("mm", 1))
    new = made(("mul", 1), ("mm", 1), ("mm", 3), ("sub", 9), ("mm", 1))
    assert grown(changed_calls(base, new)["", "", "mm"]) == [(2, 3, "stayed")]


def test_a_call_that_came_is_known_by_what_is_around_it() -> None:
    base = made(("mm", 1), ("add", 1), ("mm", 2), ("relu", 1), ("mm", 3))
    new = made(("mm", 1), ("add", 1), ("mm", 2), ("neg", 1), ("mm", 7), ("relu", 1), ("mm", 3))
    assert grown(changed_calls(base, new)["", "", "mm"]) == [(3, 4, "came")]
    assert grown(changed_calls(new, base)["", "", "mm"]) == [(3, 4, "went")]


def test_one_that_slowed_is_found_beside_one_that_came() -> None:
    base = made(("mm a", 1), ("add", 1), ("mm b", 2), ("add", 1), ("mm c", 3))
    new = made(("mm n", 5), ("mm a", 1), ("add", 1), ("mm b", 9), ("add", 1), ("mm c", 3))
    found = changed_calls(base, new)["", "", "mm"]
    assert grown(found) == [(1, 4, "came"), (3, 4, "stayed")]
    assert [c.change_s for c in found if c.change_s] == [5, 7]


def test_a_call_of_another_shape_is_the_same_call() -> None:
    base = made(("mm a", 1), ("add", 1), ("mm b", 2), ("add", 1))
    new = made(("mm a", 1), ("add", 1), ("mm bb", 6), ("add", 1))
    assert grown(changed_calls(base, new)["", "", "mm"]) == [(2, 2, "stayed")]


@pytest.mark.parametrize("seed", range(20))
def test_no_second_is_lost_or_made_whatever_came_and_went(seed: int) -> None:
    draw = random.Random(seed)
    base = made(*((draw.choice("abc"), draw.random()) for _ in range(60)))
    new = list(base)
    for _ in range(8):
        new.insert(draw.randrange(len(new)), made((draw.choice("abcd"), draw.random()))[0])
        del new[draw.randrange(len(new))]
    found = changed_calls(base, new)
    for place, changed in found.items():
        grew = sum(c.seconds for c in new if c.place == place)
        grew -= sum(c.seconds for c in base if c.place == place)
        assert sum(c.change_s for c in changed) == pytest.approx(grew)


def test_steps_that_are_too_far_apart_are_not_matched() -> None:
    base = made(*(("a", 1.0) for _ in range(MOST + 1)))
    new = made(*(("b", 1.0) for _ in range(MOST + 1)))
    assert changed_calls(base, new) == {}
    assert changed_calls(base, base)["", "", "a"][0].number == 1
