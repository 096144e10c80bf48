"""What a selftest says of each kind of case: spreads, drift, and the changes that would show."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from bench.judging.noise import pair_spread, recordings
from bench.judging.noise_file import NoiseSession
from bench.judging.reducing import told
from bench.judging.rule import visible_change
from bench.running.proving.selftest.parts import Parts, parts_of
from bench.store.known_noise import Noise
from bench.store.spread import Recordings, Spread, pooled, process_squares

NUM_PROCESSES = (3, 5, 10)
NUM_CASES = 40  # changes are called visible after a correction for so many cases at once


@dataclass(frozen=True)
class KindFindings:
    """One kind of case; spreads are standard deviations of log seconds, of the judged figure.

    `within` is of samples in a process, `process` of rounds' medians in a session, `pair` of one
    side within its pairs, `session` of sessions' means in all selftests kept. `drift` is what a
    fitted line rises from the first round to the last, `autocorrelation` that of
    consecutive rounds over the whole test; both are means over cases, as logs. `parts` is where the
    noise arises, as far as this test tells it apart.
    """

    kind: str
    num_cases: int
    judged: str
    within: float | None
    process: Spread | None
    pair: Spread | None
    session: Spread | None
    drift: float | None
    autocorrelation: float | None
    parts: Parts | None

    def visible(self, processes: int) -> float | None:
        """Return the smallest change that so many processes a side show in a set of cases."""
        return visible_change(self.pair.sd, processes, NUM_CASES) if self.pair else None


def findings(
    sessions: Sequence[NoiseSession], noise: Noise, within: Mapping[str, Mapping[str, list[float]]]
) -> list[KindFindings]:
    """Put together what these sessions show, kind by kind; `noise` is what all selftests know.

    `within` holds, by clock and case, the spread of samples in each process.
    """
    kinds = sorted({case.kind for session in sessions for case in session.cases})
    return [_kind(sessions, kind, noise, within[told(noise.judged(kind))[0]]) for kind in kinds]


def _kind(
    sessions: Sequence[NoiseSession], kind: str, noise: Noise, within: Mapping[str, list[float]]
) -> KindFindings:
    judged = noise.judged(kind)
    cases = recordings(sessions, kind, judged)
    ids = {case.case for session in sessions for case in session.cases if case.kind == kind}
    series = [_series(case) for case in cases]
    return KindFindings(
        kind,
        len(ids),
        judged,
        _root_mean_square(sd for case in ids for sd in within.get(case, [])),
        pooled(process_squares(s for occasion in case for s in occasion) for case in cases),
        pair_spread(cases),
        noise.session_spread(kind, judged),
        _mean(map(drift, series)),
        _mean(map(autocorrelation, series)),
        parts_of(sessions, kind, judged),
    )


def _series(case: Recordings) -> list[float]:
    """Return one log value a round, in order."""
    return [(math.log(a) + math.log(b)) / 2 for o in case for session in o for a, b in session]


def drift(series: Sequence[float]) -> float | None:
    """Return what a line fitted by least squares rises from the first value to the last."""
    if len(series) < 3:
        return None
    middle, centre = (len(series) - 1) / 2, fmean(series)
    slope = sum((i - middle) * (v - centre) for i, v in enumerate(series))
    slope /= sum((i - middle) ** 2 for i in range(len(series)))
    return slope * (len(series) - 1)


def autocorrelation(series: Sequence[float]) -> float | None:
    """Return the correlation of consecutive values, mended for the bias of a short series.

    The plain estimate errs by -(1 + 4 rho) / n (P. Shaman, R. A. Stine, J. Am. Stat. Assoc. 83
    (1988) 842, of an AR(1)). None below 8 values, where nothing could be told.
    """
    num, centre = len(series), fmean(series) if series else 0.0
    deviations = [value - centre for value in series]
    power = sum(d * d for d in deviations)
    if num < 8 or power == 0:
        return None
    plain = sum(a * b for a, b in pairwise(deviations)) / power
    return max(-1.0, min(1.0, (plain + 1 / num) / (1 - 4 / num)))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _root_mean_square(values: Iterable[float]) -> float | None:
    squares = [value * value for value in values]
    return math.sqrt(fmean(squares)) if squares else None
