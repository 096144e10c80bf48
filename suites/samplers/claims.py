"""What the literature says of samplers, put to a run. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log, nan

from bench.claims import (
    Finding,
    Mean,
    Record,
    Verdict,
    at_most,
    claim,
    estimate_mean,
    exp_bounded,
    together,
)

# Thresholds and their reasons; no run moves them.
WITHIN = 0.2  # of a published order: two orders stay apart by 1
SAME = 1.1  # a distance within 10 % of another is the same for what a distance can tell
EQUAL_FROM = 20  # evaluations: below it grids are too coarse for an order to mean anything
FULL_COUNT = 1000  # DDPM's steps
FEW = (20, 100)  # DDIM's, as published
DISTANCES = ("fid", "fid_pytorch", "fid_clean", "fd_digits_cnn", "fd_coordinates")
SAME_QUESTION = ("data", "inception", "preprocessing", "reference", "model", "num_images")
SECOND_ORDER = ("heun", "dpmpp_2m", "unipc")
MULTISTEP = ("dpmpp_2m", "unipc")


@claim("Song et al. 2021; Karras et al. 2022; Lu et al. 2022; Zhao et al. 2023, theorem 3.1")
def solvers_show_their_order(records: Sequence[Record]) -> Finding:
    """A solver's error falls with its published order of convergence."""
    figures: list[str] = []
    verdicts: list[Verdict] = []
    seen: set[tuple[str, str]] = set()
    for record in _measured(records, "observed_order"):
        if (key := (_sampler(record), _ground(record))) in seen:
            continue  # the order is the solver's, whatever the budget
        seen.add(key)
        nominal, observed = (_mean(record, f"{w}_order").estimate for w in ("nominal", "observed"))
        # no interval: a slope in float64 has no noise, only a ladder that may be too short
        verdicts.append("holds" if abs(observed - nominal) <= WITHIN else "fails")
        figures.append(f"{key[0]} on {key[1]}: {observed:.2f}, published {nominal:g}")
    return Finding(together(verdicts), figures or ["no solver ran on a smooth exact ground"])


@claim("Song et al. 2021, arXiv:2010.02502, section 5.1 and table 1")
def ddim_is_ddpm_in_fewer_steps(records: Sequence[Record]) -> Finding:
    """DDIM comes within 20 to 100 evaluations as near to the data as DDPM at 1000."""
    figures: list[str] = []
    verdicts: list[Verdict] = []
    for full in (r for r in records if _is(r, "ddpm") and _budget(r) == FULL_COUNT):
        name = _distance(full)
        if not _measured([full], name):
            continue
        few = [r for r in _measured(records, name) if _is(r, "ddim") and _answers(r, full)]
        if not few:
            continue
        best = min(few, key=lambda r: _mean(r, name).estimate)
        found = _ratio(best, full, name)
        verdicts.append(at_most(found, SAME))
        figures.append(
            f"{_ground(full)}: {name} at {_budget(best)} is {_times(found)} that of DDPM at "
            f"{FULL_COUNT} ({_mean(best, name).estimate:.3g} to {_mean(full, name).estimate:.3g})"
        )
    missing = f"no ground has DDPM at {FULL_COUNT} and DDIM at {FEW[0]} to {FEW[1]}"
    return Finding(together(verdicts), figures or [missing])


@claim("Karras et al. 2022, arXiv:2206.00364, section 3; Lu et al. 2022, arXiv:2211.01095")
def second_order_beats_first(records: Sequence[Record]) -> Finding:
    """At equal evaluations, 20 or more, solvers of second order err less than Euler's."""
    figures: list[str] = []
    verdicts: list[Verdict] = []
    smooth = _measured(_measured(records, "observed_order"), "error")
    for first, second in _rivals(smooth):
        found = _ratio(second, first, "error")
        if _budget(first) >= EQUAL_FROM:
            verdicts.append(at_most(found, 1.0))
        figures.append(
            f"{_sampler(second)} on {_ground(first)} at {_budget(first)}: {_times(found)} "
            f"Euler's error" + ("" if _budget(first) >= EQUAL_FROM else " (not claimed)")
        )
    missing = "no smooth exact ground has Euler and a solver of second order on one grid"
    return Finding(together(verdicts), figures or [missing])


@claim("Lu et al. 2022, arXiv:2211.01095; Zhao et al. 2023, arXiv:2302.04867")
def multistep_is_converged_by_20(records: Sequence[Record]) -> Finding:
    """DPM-Solver++ and UniPC are nearly converged at 20 evaluations."""
    figures: list[str] = []
    verdicts: list[Verdict] = []
    for early in (r for r in records if r.case.variant in MULTISTEP and _budget(r) == EQUAL_FROM):
        name = _distance(early)
        if not _measured([early], name):
            continue
        later = [r for r in _measured(records, name) if _continues(r, early)]
        if not later:
            continue
        last = max(later, key=_budget)
        found = _ratio(early, last, name)
        verdicts.append(at_most(found, SAME))
        figures.append(
            f"{_sampler(early)} on {_ground(early)}: {name} at {EQUAL_FROM} is {_times(found)} "
            f"that at {_budget(last)}"
        )
    missing = f"no multistep solver ran at {EQUAL_FROM} evaluations and at more"
    return Finding(together(verdicts), figures or [missing])


def _measured(records: Sequence[Record], quantity: str) -> list[Record]:
    """Keep sound records that measured a quantity; `incorrect` ones are compared with nothing."""
    return [r for r in records if r.outcome == "ok" and r.quality_of(quantity) is not None]


def _rivals(records: Sequence[Record]) -> Iterator[tuple[Record, Record]]:
    """Pair Euler's with every solver of second order on the same task and grid."""
    for first in (r for r in records if _is(r, "euler")):
        for second in records:
            grids = [r.case.options.get("grid") for r in (first, second)]
            same = second.case.values == first.case.values and grids[0] == grids[1]
            if same and second.case.variant in SECOND_ORDER:
                yield first, second


def _answers(record: Record, full: Record) -> bool:
    """Say whether a DDIM record stands against DDPM's full count: deterministic, few, same."""
    few = FEW[0] <= _budget(record) <= FEW[1] and not record.case.options.get("eta")
    return few and _ground(record) == _ground(full) and _data(record) == _data(full)


def _continues(record: Record, early: Record) -> bool:
    """Say whether a record is the same sampler's on the same task at a larger budget."""
    same = _sampler(record) == _sampler(early) and _ground(record) == _ground(early)
    return same and _data(record) == _data(early) and _budget(record) > _budget(early)


def _is(record: Record, sampler: str) -> bool:
    return record.outcome == "ok" and record.case.variant == sampler


def _sampler(record: Record) -> str:
    """Name a sampler with the options that make it another one."""
    options = {k: v for k, v in record.case.options.items() if v}
    words = ",".join(f"{name}={value}" for name, value in options.items())
    return f"{record.case.variant}[{words}]" if words else record.case.variant


def _ground(record: Record) -> str:
    return str(record.case.values.get("ground"))


def _data(record: Record) -> tuple[object, ...]:
    return tuple(record.case.values.get(name) for name in SAME_QUESTION)


def _budget(record: Record) -> int:
    """Return the budget of evaluations; 0 of a contestant that could not even be imported."""
    budget = record.case.values.get("nfe", 0)
    if not isinstance(budget, int):
        raise ValueError(f"{record.case.id}: expected a whole nfe, got {budget!r}")
    return budget


def _distance(record: Record) -> str:
    """Name the distance a record was measured by; the last of them where it was not."""
    return next((name for name in DISTANCES if record.quality_of(name)), DISTANCES[-1])


def _mean(record: Record, quantity: str) -> Mean:
    found = record.quality_of(quantity)
    if found is None:
        raise ValueError(f"{record.case.id}: expected {quantity}, which was not measured")
    return found


def _ratio(over: Record, under: Record, quantity: str) -> Mean:
    """Estimate the ratio of a positive quantity; seeds pair: same noise, same real images.

    Of few images or an exact solver a value may be 0, which has no ratio: that gives no bounds.
    """
    ours, theirs = (record.trajectories.get(quantity, {}) for record in (over, under))
    pairs = [(ours[s][0], theirs[s][0]) for s in sorted(ours.keys() & theirs.keys())]
    if not pairs or min(min(pair) for pair in pairs) <= 0:
        return Mean(nan, None, None, 0)
    found = estimate_mean([log(a / b) for a, b in pairs])
    if found.low is None or found.high is None:
        return Mean(exp_bounded(found.estimate), None, None, found.count)
    estimate, low, high = map(exp_bounded, (found.estimate, found.low, found.high))
    return Mean(estimate, low, high, found.count)


def _times(found: Mean) -> str:
    if not found.count:
        return "in no ratio (a value of 0, or no seed in common) to"
    if found.low is None or found.high is None:
        return f"{found.estimate:.3g} times (one seed)"
    return f"{found.estimate:.3g} times ({found.low:.3g} to {found.high:.3g})"
