"""A door for authors of answers: what a person would act on, from intervals over a run."""

from bench.cases.counted import counted
from bench.judging.answer import Answer
from bench.judging.judge import at_least, at_most, near
from bench.judging.mean import Mean, estimate_mean
from bench.judging.ranking import Ranking, Rival, rankings
from bench.judging.record import Record
from bench.judging.settling import log_ratios, what_settles, what_settles_tie
from bench.judging.statistics import LEVEL, Interval, Rounds, exp_bounded, interval, ratio
from bench.judging.words import factor, listed, name_of, seconds, size, span, tied

__all__ = [
    "LEVEL",
    "Answer",
    "Interval",
    "Mean",
    "Ranking",
    "Record",
    "Rival",
    "Rounds",
    "at_least",
    "at_most",
    "counted",
    "estimate_mean",
    "exp_bounded",
    "factor",
    "interval",
    "listed",
    "log_ratios",
    "name_of",
    "near",
    "rankings",
    "ratio",
    "seconds",
    "size",
    "span",
    "tied",
    "what_settles",
    "what_settles_tie",
]
