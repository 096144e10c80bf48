"""A door for authors of claims: sentences of the literature, judged from intervals over a run."""

from bench.judging.claim import Claim, Finding, Verdict, claim
from bench.judging.judge import at_least, at_most, near, together
from bench.judging.mean import Mean, estimate_mean
from bench.judging.record import Record
from bench.judging.statistics import Interval, exp_bounded, ratio

__all__ = [
    "Claim",
    "Finding",
    "Interval",
    "Mean",
    "Record",
    "Verdict",
    "at_least",
    "at_most",
    "claim",
    "estimate_mean",
    "exp_bounded",
    "near",
    "ratio",
    "together",
]
