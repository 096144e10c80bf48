"""What the literature says of guidance, put to a run. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.claims import Finding, Record, Verdict, at_least, at_most, claim, together
from bench.claims import ratio as ratio_of_rounds
from suites.samplers.claimed import distance, ground, measured, named, of, ratio, times
from suites.samplers.enough import budget

EXACT = "digits_mixture"  # its denoiser errs nowhere: there guidance has nothing to repair


@claim("Ho and Salimans 2022, arXiv:2207.12598, section 4; Dhariwal and Nichol 2021, figure 4")
def guidance_has_an_optimum(records: Sequence[Record]) -> Finding:
    """Of a network that errs the distance has a minimum at some guidance, neither none nor most."""
    figures: list[str] = []
    verdicts: list[Verdict] = []
    for least, *inner, most in _scales(records):
        name = distance(least)
        if not inner or len(measured([least, *inner, most], name)) < len(inner) + 2:
            continue
        best = min(inner, key=lambda r: _estimate(r, name))
        below, above = ratio(best, least, name), ratio(best, most, name)
        told = "" if ground(least) == EXACT else _both([at_most(below, 1.0), at_most(above, 1.0)])
        if told:
            verdicts.append(told)
        figures.append(
            f"{ground(best)} at {budget(best)}: {name} at scale {_scale(best):g} is {times(below)} "
            f"that at {_scale(least):g}, {times(above)} that at {_scale(most):g}"
            + ("" if told else " (not claimed of an exact denoiser)")
        )
    missing = "no ground with classes was asked at three scales or more"
    return Finding(together(verdicts), figures or [missing])


@claim("Dhariwal and Nichol 2021, arXiv:2105.05233, section 4.3; Ho and Salimans 2022, section 4")
def guidance_trades_diversity_for_fidelity(records: Sequence[Record]) -> Finding:
    """With more guidance precision rises and recall falls."""
    figures: list[str] = []
    verdicts: list[Verdict] = []
    for least, *_, most in _scales(records):
        if len(measured(measured([least, most], "precision"), "recall")) < 2:
            continue
        fidelity, diversity = (ratio(most, least, name) for name in ("precision", "recall"))
        verdicts.append(_both([at_least(fidelity, 1.0), at_most(diversity, 1.0)]))
        figures.append(
            f"{ground(most)} at {budget(most)}: from scale {_scale(least):g} to {_scale(most):g} "
            f"precision is {times(fidelity)}, recall {times(diversity)} what it was"
        )
    missing = "no ground with classes has precision and recall at two scales"
    return Finding(together(verdicts), figures or [missing])


@claim("Ho and Salimans 2022, arXiv:2207.12598, section 3.2; one call of 2 B against two of B")
def batched_guidance_is_cheaper(records: Sequence[Record]) -> Finding:
    """With and without the class in one call of twice the batch costs less than two calls."""
    figures: list[str] = []
    verdicts: list[Verdict] = []
    for one in (r for r in of(records, "classifier_free") if _both_calls(r, batched=True)):
        for two in (r for r in of(records, "classifier_free") if _both_calls(r, batched=False)):
            if not _same_steps(one, two):
                continue
            found = ratio_of_rounds(one.rounds_of(), two.rounds_of())
            if found is None or not (one.ranked and two.ranked):
                continue
            verdicts.append(at_most(found, 1.0))
            bounds = "one round" if found.low is None else f"{found.low:.2f} to {found.high:.2f}"
            figures.append(
                f"{ground(one)}, {budget(one)} steps of {one.case.values.get('batch')} images: "
                f"{found.estimate:.2f} times ({bounds}) the time of two calls a step"
            )
    missing = "nothing guided ran batched and not, at as many steps, with times that are ranked"
    return Finding(together(verdicts), figures or [missing])


def _scales(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Yield what differs in guidance scale alone, the least first; at least two."""
    grouped: dict[object, list[Record]] = {}
    for record in records:
        if record.outcome == "ok" and "scale" in record.case.options:
            others = {k: v for k, v in record.case.options.items() if k != "scale"}
            key = (record.case.variant, str(others), str(record.case.values))
            grouped.setdefault(key, []).append(record)
    yield from (sorted(own, key=_scale) for own in grouped.values() if len(own) > 1)


def _scale(record: Record) -> float:
    scale = record.case.options["scale"]
    if not isinstance(scale, int | float):
        raise ValueError(f"{record.case.id}: expected a number as scale, got {scale!r}")
    return float(scale)


def _estimate(record: Record, quantity: str) -> float:
    found = record.quality_of(quantity)
    if found is None:
        raise ValueError(f"{named(record)}: expected {quantity}, which was not measured")
    return found.estimate


def _both(verdicts: Sequence[Verdict]) -> Verdict:
    """Hold where both do, fail where one does: each is a half of the sentence."""
    if "fails" in verdicts:
        return "fails"
    return "holds" if set(verdicts) == {"holds"} else "untested"


def _both_calls(record: Record, *, batched: bool) -> bool:
    return _scale(record) != 0 and record.case.options.get("batched") is batched


def _same_steps(one: Record, two: Record) -> bool:
    """Say whether two calls a step make as many steps of as many images."""
    alike = [{**r.case.values, "nfe": 0} for r in (one, two)]
    return (
        alike[0] == alike[1]
        and _scale(one) == _scale(two)
        and one.case.options.get("grid") == two.case.options.get("grid")
        and 2 * budget(one) == budget(two)
    )
