"""What the literature says of samplers, and the checks over a run. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence

from bench.case import Plain
from bench.claim import Finding, claim
from bench.record import Record

WITHIN = 0.2  # of the published order
DISTANCES = ("fid", "fd_digits_cnn", "fd_coordinates")
FULL_COUNT = 1000
EQUAL_FROM = 20  # evaluations from which solvers of higher order are claimed to be ahead
NEAR = 1.1  # of the distance at the largest budget counts as converged


@claim("Song et al. 2021; Karras et al. 2022; Lu et al. 2022; Zhao et al. 2023: the order of each")
def solvers_converge_at_their_order(records: Sequence[Record]) -> Finding:
    """Solvers show their published order of convergence on a smooth exact ground."""
    figures, bad = [], 0
    for (sampler, ground), found in _grouped(_with(records, "observed_order")).items():
        observed = [_of(record, "observed_order") for record in found]
        nominal = _of(found[0], "nominal_order")
        worst = max(observed, key=lambda value: abs(value - nominal))
        off = abs(worst - nominal) > WITHIN
        bad += off
        figures.append(
            f"{sampler} on {ground}: {worst:.2f}, published {nominal:g}" + (" (off)" if off else "")
        )
    if not figures:
        return Finding("untested", ["no solver was measured on a smooth exact ground"])
    return Finding("fails" if bad else "holds", figures)


@claim("Song et al. 2021 (arXiv:2010.02502), section 5.1: 10 to 50 times fewer steps")
def ddim_needs_a_tenth_of_ddpm(records: Sequence[Record]) -> Finding:
    """DDIM comes in 20 to 100 evaluations to the distance of DDPM at 1000."""
    figures, verdicts = [], []
    for full in records:
        name = _distance(full)
        if full.case.variant != "ddpm" or full.case.values.get("nfe") != FULL_COUNT or not name:
            continue
        few = [r for r in _with(records, name) if _is_ddim_of(r, full)]
        if not few:
            continue
        best = min(few, key=lambda record: _of(record, name))
        bound, reached = full.quality_of(name), best.quality_of(name)
        assert bound is not None
        assert reached is not None
        verdicts.append(reached.low <= bound.high)
        figures.append(
            f"{_ground(full)}: {name} {reached.estimate:.3g} by DDIM at {best.case.values['nfe']}, "
            f"{bound.estimate:.3g} by DDPM at {FULL_COUNT}: "
            f"{reached.estimate / bound.estimate:.2f} times"
        )
    if not figures:
        return Finding(
            "untested", [f"needs DDPM at {FULL_COUNT} and DDIM at 20 to 100 on one ground"]
        )
    return Finding("holds" if all(verdicts) else "fails", figures)


@claim("Karras et al. 2022 (arXiv:2206.00364), section 3; Lu et al. 2022 (arXiv:2211.01095)")
def second_order_beats_first(records: Sequence[Record]) -> Finding:
    """From 20 evaluations on, solvers of higher order err less than Euler's on the same grid."""
    figures, verdicts = [], []
    solved = _with(records, "error")
    for base in (r for r in solved if r.case.variant == "euler"):
        for other in (r for r in solved if _same_task(r, base) and _higher(r)):
            ratio = _ratio(_of(other, "error"), _of(base, "error"))
            budget = base.case.values["nfe"]
            counted = isinstance(budget, int) and budget >= EQUAL_FROM
            if counted:
                verdicts.append(ratio < 1)
            note = "" if counted else " (below 20: not claimed)"
            figures.append(
                f"{other.case.variant} on {_ground(base)} at {budget}: {ratio:.2g} times "
                f"Euler's error{note}"
            )
    if not verdicts:
        return Finding("untested", ["needs Euler and a solver of higher order at 20 or more"])
    return Finding("holds" if all(verdicts) else "fails", figures)


@claim("Lu et al. 2022 (arXiv:2211.01095); Zhao et al. 2023 (arXiv:2302.04867)")
def multistep_converges_by_20(records: Sequence[Record]) -> Finding:
    """DPM-Solver++ and UniPC are converged by 20 evaluations."""
    figures, verdicts = [], []
    for (sampler, ground), found in _grouped(records).items():
        if sampler not in ("dpmpp_2m", "unipc"):
            continue
        by_budget = {_budget(r): r for r in found if _distance(r)}
        most = max(by_budget, default=0)
        if EQUAL_FROM not in by_budget or most <= EQUAL_FROM:
            continue
        name = _distance(by_budget[most])
        ratio = _ratio(_of(by_budget[EQUAL_FROM], name), _of(by_budget[most], name))
        verdicts.append(ratio <= NEAR)
        figures.append(f"{sampler} on {ground}: {name} at 20 is {ratio:.3g} times that at {most}")
    if not figures:
        return Finding("untested", ["needs a multistep solver at 20 evaluations and at more"])
    return Finding("holds" if all(verdicts) else "fails", figures)


def _with(records: Sequence[Record], quantity: str) -> list[Record]:
    """Keep what was measured of a case that was not refused or wrong."""
    kept = (r for r in records if r.outcome in ("ok", "pending"))
    return [r for r in kept if r.quality_of(quantity) is not None]


def _of(record: Record, quantity: str) -> float:
    found = record.quality_of(quantity)
    assert found is not None
    return found.estimate


def _distance(record: Record) -> str:
    """Name the distance a record was measured by; empty where it was not."""
    return next((name for name in DISTANCES if record.quality_of(name) is not None), "")


def _grouped(records: Sequence[Record]) -> dict[tuple[str, str], list[Record]]:
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((_named(record), _ground(record)), []).append(record)
    return groups


def _named(record: Record) -> str:
    """Name a sampler, with its grid where that is not the only one it could have."""
    return record.case.variant


def _ground(record: Record) -> str:
    return str(record.case.values.get("ground"))


def _budget(record: Record) -> int:
    budget = record.case.values["nfe"]
    assert isinstance(budget, int)
    return budget


def _is_ddim_of(record: Record, full: Record) -> bool:
    same = record.case.variant == "ddim" and not record.case.options.get("eta")
    return same and _ground(record) == _ground(full) and 20 <= _budget(record) <= 100


def _same_task(record: Record, other: Record) -> bool:
    """Say whether two cases have ground, budget, batch and grid in common."""

    def task(r: Record) -> tuple[dict[str, Plain], Plain]:
        return r.case.values, r.case.options.get("grid")

    return task(record) == task(other)


def _higher(record: Record) -> bool:
    """Say whether a solver's published order is above 1: its file says so on smooth grounds."""
    return record.case.variant in ("heun", "dpmpp_2m", "unipc")


def _ratio(value: float, base: float) -> float:
    """Return value / base; equal where both vanish (every path ended on the true image)."""
    if base == 0:
        return 1.0 if value == 0 else float("inf")
    return value / base
