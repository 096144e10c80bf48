"""More CPU time than was asked for is seen, however it is spread; less never accuses."""

from __future__ import annotations

import threading

import pytest

from bench.state.working import Spent, between, carrying, spent

START = Spent(0.0, 0.0, 0.0, {("thread", 9): 0.0})


def after(caller_s: float, others_s: float, *of: float, carriers: int = 0) -> Spent:
    """Return a second's work: of the caller, of all others, and of those still alive."""
    alive = {("thread", number): seconds for number, seconds in enumerate(of)}
    carrying = frozenset(list(alive)[:carriers])
    return Spent(1.0, caller_s, caller_s + others_s, alive, carrying)


@pytest.mark.parametrize(
    ("end", "threads", "stray"),
    [
        (after(1.0, 0.0), 1, 0.0),
        (after(0.2, 0.0), 1, 0.0),  # it waited for something
        (after(0.98, 0.97, 0.97), 1, 0.97),
        (after(0.5, 0.5, 0.5), 1, 0.5),  # two threads on one core
        (after(0.0, 0.99, 0.99), 1, 0.99),  # another does it all: thread time would see nothing
        (after(0.5, 0.4), 1, 0.4),  # threads that came and went
        (after(0.99, 0.98, 0.98), 2, 0.0),
        (after(0.99, 0.98, 0.5, 0.48), 2, 0.48),  # a third one takes turns with the second
        (after(0.5, 0.9, *[0.04] * 20), 2, 0.76),  # many that each do little
        (after(0.99, 0.9), 2, 0.0),  # a pool that is made anew in each call
        (after(0.9, 1.9, 0.95, 0.95), 3, 0.0),
    ],
)
def test_stray_work_is_what_is_beyond_the_threads(end: Spent, threads: int, stray: float) -> None:
    found = between(START, end, threads)
    assert found.stray_cores == pytest.approx(stray)
    assert bool(found.beyond(threads)) == (stray > 0.05)


def test_threads_that_carry_messages_are_none_of_a_ranks() -> None:
    end = after(0.5, 0.6, 0.4, 0.2, carriers=2)
    assert between(START, end, 1, carried=True).stray_cores == pytest.approx(0.0)
    assert between(START, end, 1).stray_cores == pytest.approx(0.6)
    working = after(0.5, 0.9, 0.4, 0.5, carriers=1)
    assert between(START, working, 1, carried=True).stray_cores == pytest.approx(0.5)


def test_a_thread_without_a_name_carries_if_it_began_with_a_process_group() -> None:
    done = threading.Event()
    threads = [threading.Thread(target=done.wait) for _ in range(2)]
    try:
        threads[0].start()
        with carrying():
            threads[1].start()
        known = {number for _, number in spent().carriers}
        assert threads[1].native_id in known
        assert threads[0].native_id not in known
    finally:
        done.set()
        for thread in threads:
            thread.join()
