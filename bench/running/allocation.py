"""Processes of a case in a round, and their shares: the least variance of a round for its time.

A process that is timed twice as long does not tell twice as much: where its pages lie, and what the
machine did meanwhile, stay. A second process costs its start instead. With variances `fork` of
processes and `call` of a second of samples, F processes of s seconds leave (fork + call / s) / F,
and take F (start + s): two-stage sampling with a fixed cost (W. G. Cochran, Sampling Techniques,
1977, section 10.6). All of it is fixed before anything is timed, from selftests of before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from bench.cases.case import Case
from bench.cases.costs import declared_call_s
from bench.cases.counted import counted
from bench.cases.kind import kind_of
from bench.judging.noise import known
from bench.machine import facts as machine
from bench.running.attempts import Attempts
from bench.running.pace import Pace
from bench.running.stopping import Effort
from bench.store.allocated import MOST_FORKS, Allocation
from bench.store.known_noise import Components, Noise
from bench.timing.sampling import LEAST_CALLS, MAX_SAMPLES, WARM_UP_SHARE

LEAST_SHARE_S = 0.03  # below, warming up and the inner loop are most of it

# Of one machine with two shared cores; only training steps gained there from several processes.
UNTOLD = Components(fork=0.0, call=0.03)
DECLARED: Mapping[str, Components] = {"training": Components(fork=0.06, call=0.01)}


def allocated(
    cases: Iterable[Case],
    share_s: float,
    components: Mapping[str, Components],
    start_s: Callable[[Case], float],
    call_s: Callable[[Case], float],
) -> dict[str, Allocation]:
    """Return the allocation of every case that is timed in more than one process, by its id.

    All take as long as one process of the case's shares would, `start_s` and sampling together.
    """
    found = {}
    for case in cases:
        kind = kind_of(case)
        expected = between(components.get(kind), DECLARED.get(kind, UNTOLD))
        best = allocate(expected, case.shares * share_s, start_s(case), call_s(case))
        if best.forks > 1:
            found[case.id] = best
    return found


def allocated_for(attempts: Attempts, cases: Iterable[Case], pace: Pace) -> dict[str, Allocation]:
    """Return the allocation of those of these cases that are timed and sound, by its session."""
    known = Noise.of(attempts.run.last_session.noise) or Noise()
    sound = [case for case in cases if case.timed and case.id not in attempts.failed]
    return allocated(sound, pace.share_s, known.components, pace.start_s, attempts.call_s)


def asked_in_words(cases: Sequence[Case], device: str, effort: Effort, pace: Pace) -> str:
    """Say in how many processes, with how many samples at most, cases are likely to be timed.

    A call is as long as its FLOPs at the declared rate: the checks, which will tell, are to come.
    """
    noise, rounds = known(machine.identity(), device) or Noise(), effort.checkpoints[-1]
    timed = [case for case in cases if case.most_rounds(rounds) and pace.goes_on(case)]
    found = allocated(timed, effort.share_s, noise.components, pace.start_s, declared_call_s)
    forks = [found[case.id].forks if case.id in found else 1 for case in timed]
    fewest, most = min(forks, default=1), max(forks, default=1)
    told = counted(most, "process") if fewest == most else f"{fewest} to {most} processes"
    own = [case.most_rounds(rounds) for case in timed]
    processes = sum(n * count for n, count in zip(forks, own, strict=True))
    longest = max([1, *(case.shares for case in timed)])
    longer = f", up to {longest * effort.share_s:.3g} s where ranks start" if longest > 1 else ""
    return f"in {told}{longer} (some {processes} in all, up to {MAX_SAMPLES * sum(own)} samples)"


def between(known: Components | None, declared: Components) -> Components:
    """Return what to expect: a selftest's workloads are smaller than most cases of their kind.

    So its variances are averaged with those that were declared of larger ones.
    """
    if known is None:
        return declared
    fork, call = (known.fork, declared.fork), (known.call, declared.call)
    return Components(math.hypot(*fork) / math.sqrt(2), math.hypot(*call) / math.sqrt(2))


def alike(
    a: Mapping[str, Allocation], b: Mapping[str, Allocation], pairs: Iterable[tuple[str, str]]
) -> tuple[dict[str, Allocation], dict[str, Allocation]]:
    """Return allocations of two sides that are the same for both cases of a pair.

    The side with fewer processes, whose calls or start take longer, decides.
    """
    of_a, of_b = dict(a), dict(b)
    for first, second in pairs:
        both = of_a.pop(first, None), of_b.pop(second, None)
        if both[0] and both[1]:
            of_a[first] = of_b[second] = min(both[0], both[1], key=lambda way: way.forks)
    return of_a, of_b


def allocate(
    components: Components, share_s: float, start_s: float, call_s: float = 0.0
) -> Allocation:
    """Share out the time of one process of `share_s` so that a round's value varies least.

    A process is never given less than its first few calls take, `call_s` each.
    """
    least_s = max(LEAST_SHARE_S, LEAST_CALLS * call_s)
    ways = [Allocation(1, share_s)]
    for forks in range(2, MOST_FORKS + 1):
        each_s = round((start_s + share_s) / forks - start_s, 4)
        if each_s >= least_s:
            ways.append(Allocation(forks, each_s))
    return min(ways, key=lambda way: variance(components, way))


def variance(components: Components, way: Allocation) -> float:
    """Return the variance of a round's log value within its server."""
    sampled_s = (1 - WARM_UP_SHARE) * way.share_s
    return (components.fork**2 + components.call**2 / sampled_s) / way.forks
