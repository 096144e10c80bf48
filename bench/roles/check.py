"""The check role: is the result right, and what will a right result look like when timed?"""

from time import perf_counter

from bench.case import Measurement
from bench.contest import Contest, outputs_of, synchronize
from bench.fingerprint import fingerprint
from bench.problem import Verdict
from bench.roles.result import Result


def check(contest: Contest) -> Result:
    """Verify the variant's promise, and its result for every set of inputs; fingerprint them.

    Its first call is kept: no process of this run has compiled anything for the case before.
    """
    sets = contest.input_sets()
    contest.reset()
    started = perf_counter()
    outputs_of(contest.call, sets[0])
    synchronize(contest.setting)
    first_call_s = perf_counter() - started
    labels = contest.verify(sets[0])
    verdicts, prints = [], []
    for inputs in sets:
        contest.reset()
        verdicts.append(contest.problem.check(contest.call, inputs, contest.setting))
        contest.reset()
        prints.append([fingerprint(output) for output in outputs_of(contest.call, inputs)])
    return Result(
        [Measurement("first_call_uncached", "s", [first_call_s]), *_worst(verdicts)],
        labels,
        fingerprints=prints,
        tolerances=[(max(a), max(b)) for a, b in _by_output(verdicts)],
    )


def _worst(verdicts: list[Verdict]) -> list[Measurement]:
    """Keep the largest error of each output over the sets of inputs."""
    together = zip(*(verdict.measurements for verdict in verdicts), strict=True)
    return [max(same, key=lambda m: m.samples[-1]) for same in together]


def _by_output(verdicts: list[Verdict]) -> list[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Gather the tolerances of each output: its maxima, and its L2 norms."""
    together = zip(*(verdict.tolerances for verdict in verdicts), strict=True)
    return [(tuple(t[0] for t in same), tuple(t[1] for t in same)) for same in together]
