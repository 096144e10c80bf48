"""What the literature says of samplers that change a trained network's use, put to a run.

Torch-free.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.claims import Finding, Record, Verdict, at_most, claim, together
from suites.samplers.claimed import distance, ground, measured, named, of, ratio, times
from suites.samplers.enough import budget, mean

ABOVE = ("digits_mixture16", "unet16")  # grounds of twice the sides that were trained at
# Evaluations up to which a schedule can matter: with many, any is fine enough. Chosen after a first
# look, where 20 were no nearer than without; figures beyond are told, and not claimed.
FEW = 10
TWICE = {"shift": (2.0, 1.0), "grid": ("cosine_shifted", "cosine")}  # shifted by 2 log 2, and not


@claim("Ma et al. 2024, arXiv:2402.15170, section 3")
def skip_tuning_is_nearer(records: Sequence[Record]) -> Finding:
    """At equal evaluations a U-Net with scaled skips comes nearer than as it was trained."""
    figures: list[str] = []
    verdicts: list[Verdict] = []
    for plain, changed in _with_and_without(of(records, "skip_tuning"), "skip_scale", 1.0):
        name = distance(plain)
        best = min(changed, key=lambda record: mean(record, name).estimate)
        found = ratio(best, plain, name)
        verdicts.append(at_most(found, 1.0))
        figures.append(
            f"{ground(best)} at {budget(best)}: {name} at scale "
            f"{best.case.options['skip_scale']}, the best of {len(changed)}, is {times(found)} "
            f"that of the network as it is ({mean(plain, name).estimate:.3g})"
        )
    missing = "no U-Net was asked with scaled skips and with its own"
    return Finding(together(verdicts), figures or [missing])


@claim("Hwang et al. 2024, arXiv:2404.01709, section 4")
def guided_by_its_low_resolution_is_nearer(records: Sequence[Record]) -> Finding:
    """Above its resolution a network comes nearer when what it was trained at guides it."""
    figures: list[str] = []
    verdicts: list[Verdict] = []
    own = [r for r in of(records, "upsample_guidance") if ground(r) != "digits_mixture16"]
    for plain, changed in _with_and_without(own, "upsample_scale", 0.0):
        name = distance(plain)
        best = min(changed, key=lambda record: mean(record, name).estimate)
        found = ratio(best, plain, name)
        verdicts.append(at_most(found, 1.0))
        figures.append(
            f"{ground(best)} at {budget(best)}: {name} {mean(best, name).estimate:.3g} at scale "
            f"{best.case.options['upsample_scale']} is {times(found)} that of the network alone"
            + _beside_floor(best, name)
        )
    missing = "no network ran above its resolution with guidance and without"
    return Finding(together(verdicts), figures or [missing])


@claim("Hoogeboom et al. 2023, arXiv:2301.11093, section 3.1; Esser et al. 2024, section 5.3.2")
def shifted_schedule_helps_above_the_trained_resolution(records: Sequence[Record]) -> Finding:
    """At twice the sides few steps lead nearer along a schedule of log SNR less 2 log 2."""
    figures: list[str] = []
    verdicts: list[Verdict] = []
    for shifted, plain in _shifted(records):
        name = distance(plain)
        if not measured([shifted], name):
            continue
        found = ratio(shifted, plain, name)
        claimed = ground(plain) in ABOVE and budget(plain) <= FEW
        if claimed:
            verdicts.append(at_most(found, 1.0))
        figures.append(
            f"{named(shifted)} on {ground(plain)} at {budget(plain)}: {name} is {times(found)} "
            f"that without the shift" + ("" if claimed else " (not claimed)")
        )
    if not verdicts:
        figures.append(f"nothing ran above the trained resolution at {FEW} evaluations or fewer")
    return Finding(together(verdicts), figures)


def _with_and_without(
    records: Sequence[Record], option: str, without: float
) -> Iterator[tuple[Record, list[Record]]]:
    """Yield what was measured without a change, and with it, where nothing else differs."""
    for plain in (r for r in records if r.case.options[option] == without):
        changed = [r for r in records if r is not plain and _alike(r, plain, option)]
        changed = measured(changed, distance(plain))
        if changed and measured([plain], distance(plain)):
            yield plain, changed


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
