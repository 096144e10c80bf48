"""What the literature says of samplers that change a trained network's use, put to a run.

Torch-free.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.claims import Finding, Record, claim
from suites.samplers.claimed import (
    compared,
    distance,
    ground,
    measured,
    named,
    nearest,
    of,
    value,
)
from suites.samplers.enough import budget, mean

ABOVE = ("digits_mixture16", "unet16")  # grounds of twice the sides that were trained at
# Evaluations up to which a schedule can matter: with many, any is fine enough. Chosen after a first
# look, where 20 were no nearer than without; figures beyond are told, and not claimed.
FEW = 10
TWICE = {"shift": (2.0, 1.0), "grid": ("cosine_shifted", "cosine")}  # shifted by 2 log 2, and not


@claim("Ma et al. 2024, arXiv:2402.15170, section 3")
def skip_tuning_is_nearer(records: Sequence[Record]) -> Finding:
    """At equal evaluations a U-Net with scaled skips comes nearer than as it was trained."""
    own = of(records, "skip_tuning")

    def told(best: Record, plain: Record, name: str, ratio: str) -> str:
        return (
            f"{ground(best)} at {budget(best)}: {name} at scale "
            f"{best.case.options['skip_scale']}, the best of "
            f"{len(_changed(own, plain, 'skip_scale'))}, is {ratio} that of the network as it is "
            f"({value(plain, name)})"
        )

    pairs = _best_and_without(own, "skip_scale", 1.0)
    return compared(pairs, 1.0, told, "no U-Net was asked with scaled skips and with its own")


@claim("Hwang et al. 2024, arXiv:2404.01709, section 4")
def guided_by_its_low_resolution_is_nearer(records: Sequence[Record]) -> Finding:
    """Above its resolution a network comes nearer when what it was trained at guides it."""

    def told(best: Record, plain: Record, name: str, ratio: str) -> str:
        return (
            f"{ground(best)} at {budget(best)}: {name} {value(best, name)} at scale "
            f"{best.case.options['upsample_scale']} is {ratio} that of the network alone"
            + _beside_floor(best, name)
        )

    own = [r for r in of(records, "upsample_guidance") if ground(r) != "digits_mixture16"]
    missing = "no network ran above its resolution with guidance and without"
    return compared(_best_and_without(own, "upsample_scale", 0.0), 1.0, told, missing)


@claim("Hoogeboom et al. 2023, arXiv:2301.11093, section 3.1; Esser et al. 2024, section 5.3.2")
def shifted_schedule_helps_above_the_trained_resolution(records: Sequence[Record]) -> Finding:
    """At twice the sides few steps lead nearer along a schedule of log SNR less 2 log 2."""

    def told(shifted: Record, plain: Record, name: str, ratio: str) -> str:
        at = f"{named(shifted)} on {ground(plain)} at {budget(plain)}"
        return f"{at}: {name} is {ratio} that without the shift"

    def claimed(plain: Record) -> bool:
        return ground(plain) in ABOVE and budget(plain) <= FEW

    missing = "nothing ran along a schedule that was shifted and along its own"
    return compared(_shifted(records), 1.0, told, missing, claimed=claimed)


def _best_and_without(
    records: Sequence[Record], option: str, without: float
) -> Iterator[tuple[Record, Record]]:
    """Pair what was measured without a change with the nearest of what differs in it alone."""
    for plain in (r for r in records if r.case.options[option] == without):
        if changed := _changed(records, plain, option):
            yield nearest(changed, distance(plain)), plain


def _changed(records: Sequence[Record], plain: Record, option: str) -> list[Record]:
    """Return what differs from a record in an option alone, and has its distance."""
    alike = [r for r in records if r is not plain and _alike(r, plain, option)]
    return measured(alike, distance(plain))


def _shifted(records: Sequence[Record]) -> Iterator[tuple[Record, Record]]:
    """Pair what was measured along a shifted schedule with the same sampler along its own."""
    sound = [r for r in records if r.outcome == "ok"]
    for option, (twice, once) in TWICE.items():
        for plain in (r for r in sound if r.case.options.get(option) == once):
            for shifted in (r for r in sound if r.case.options.get(option) == twice):
                if _alike(shifted, plain, option) and measured([plain], distance(plain)):
                    yield shifted, plain


def _alike(record: Record, other: Record, option: str) -> bool:
    """Say whether two records differ in an option alone."""
    apart = [{**r.case.options, option: None} for r in (record, other)]
    same = record.case.variant == other.case.variant and apart[0] == apart[1]
    return same and record.case.values == other.case.values


def _beside_floor(record: Record, quantity: str) -> str:
    """Tell how far it still is from images of that resolution."""
    floor = record.quality_of("fd_floor")
    if floor is None or floor.estimate <= 0:
        return ""
    return f", and {mean(record, quantity).estimate / floor.estimate:.3g} times that of real images"
