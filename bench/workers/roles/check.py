"""The check role: is the result right, and what will a right result look like when timed?"""

from time import perf_counter
from typing import Any

from torch import Tensor

from bench.cases.case import Measurement
from bench.cases.problem import COPIED, Verdict
from bench.checking.fingerprint import fingerprint
from bench.checking.graph_breaks import count_breaks, told
from bench.checking.posed import expect_function_of_seed
from bench.workers.contest import Contest, synchronize
from bench.workers.kept import KeptOutputs
from bench.workers.roles.result import Result


def check(contest: Contest) -> Result:
    """Verify the variant's promise, and its result for every set of inputs; fingerprint them.

    Its first call is kept: no process of this run has compiled anything for the case before. It
    gets a copy of its inputs, since nothing is known yet of what it does to them.
    """
    sets = contest.input_sets()
    kept, breaks = KeptOutputs(contest), count_breaks()
    first_call_s = _first_call_s(contest, sets[0])
    labels = _vet(contest, sets)
    contest = contest.sparing() if labels.get("inputs") == COPIED else contest
    labels |= contest.verify(sets[0])
    verdicts, prints, call_s = [], [], 0.0
    for inputs in sets:
        contest.reset()
        verdicts.append(contest.problem.check(contest.call, inputs, contest.setting))
        contest.reset()
        outputs, call_s = _timed_s(contest, inputs)
        prints.append([fingerprint(output) for output in outputs])
    first = (
        [Measurement("first_call_uncached", "s", [first_call_s])]
        if contest.case.starts_cold
        else []
    )
    return Result(
        [*first, *_worst(verdicts)],
        {**labels, **told(breaks), **verdicts[0].labels},
        fingerprints=prints,
        tolerances=[(max(a), max(b)) for a, b in _by_output(verdicts)],
        rewritten=kept.rewritten(contest, sets),
        call_s=call_s,
    )


def _timed_s(contest: Contest, inputs: Any) -> tuple[tuple[Tensor, ...], float]:
    """Return what a warm call gives, and about how long it takes."""
    synchronize(contest.setting)
    started = perf_counter()
    outputs = contest.outputs(inputs)
    synchronize(contest.setting)
    return outputs, perf_counter() - started


def _first_call_s(contest: Contest, inputs: Any) -> float:
    """Time the very first call."""
    given = contest.problem.fresh(inputs)
    contest.reset()
    started = perf_counter()
    contest.call(given)
    synchronize(contest.setting)
    return perf_counter() - started


def _vet(contest: Contest, sets: list[Any]) -> dict[str, str]:
    """Ask whether the question is well posed: drawn from a seed, with one answer."""
    expect_function_of_seed(contest.problem, sets[0], contest.setting)
    labels: dict[str, str] = {}
    for inputs in sets:
        labels |= contest.problem.vet(inputs, contest.setting)
    return labels


def _worst(verdicts: list[Verdict]) -> list[Measurement]:
    """Keep the largest error of each output over the sets of inputs."""
    together = zip(*(verdict.measurements for verdict in verdicts), strict=True)
    return [max(same, key=lambda m: m.samples[-1]) for same in together]


def _by_output(verdicts: list[Verdict]) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Gather the tolerances of each output: its maxima, and its L2 norms."""
    together = zip(*(verdict.tolerances for verdict in verdicts), strict=True)
    return [(tuple(t[0] for t in same), tuple(t[1] for t in same)) for same in together]
