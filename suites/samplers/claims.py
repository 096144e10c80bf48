"""What the literature says of samplers, put to a run. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.claims import Finding, Record, Verdict, claim, together
from suites.samplers.claimed import (
    compared,
    distance,
    ground,
    measured,
    named,
    nearest_on_task,
    of,
    same_task,
    value,
)
from suites.samplers.enough import SAME, budget, mean
from suites.samplers.few_steps_claims import (
    amed_leads_at_few_evaluations,
    improved_ddpm_needs_fewer_steps,
    logit_normal_training_comes_nearer,
    one_step_is_near_its_teacher,
    reflow_makes_few_steps_usable,
    reflow_straightens,
)
from suites.samplers.guidance_claims import (
    batched_guidance_is_cheaper,
    guidance_has_an_optimum,
    guidance_trades_diversity_for_fidelity,
)
from suites.samplers.training_free_claims import (
    guided_by_its_low_resolution_is_nearer,
    shifted_schedule_helps_above_the_trained_resolution,
    skip_tuning_is_nearer,
)

# Every claim of the suite is found here.
__all__ = [
    "amed_leads_at_few_evaluations",
    "batched_guidance_is_cheaper",
    "ddim_is_ddpm_in_fewer_steps",
    "guidance_has_an_optimum",
    "guidance_trades_diversity_for_fidelity",
    "guided_by_its_low_resolution_is_nearer",
    "improved_ddpm_needs_fewer_steps",
    "logit_normal_training_comes_nearer",
    "multistep_is_converged_by_20",
    "one_step_is_near_its_teacher",
    "reflow_makes_few_steps_usable",
    "reflow_straightens",
    "second_order_beats_first",
    "shifted_schedule_helps_above_the_trained_resolution",
    "skip_tuning_is_nearer",
    "solvers_show_their_order",
]

# Thresholds and their reasons; no run moves them.
WITHIN = 0.2  # of a published order: two orders stay apart by 1
EQUAL_FROM = 20  # evaluations: below it grids are too coarse for an order to mean anything
FULL_COUNT = 1000  # DDPM's steps
FEW = (20, 100)  # DDIM's, as published
MULTISTEP = ("dpm_solver", "dpmpp_2m", "dpmpp_3m", "unipc", "deis", "pndm", "lms")


@claim("Song et al. 2021; Karras et al. 2022; Lu et al. 2022; Zhao et al. 2023, theorem 3.1")
def solvers_show_their_order(records: Sequence[Record]) -> Finding:
    """A solver's error falls with its published order of convergence."""
    figures: list[str] = []
    verdicts: list[Verdict] = []
    seen: set[tuple[str, str]] = set()
    for record in measured(records, "observed_order"):
        if (key := (named(record), ground(record))) in seen:
            continue  # the order is the solver's, whatever the budget
        seen.add(key)
        nominal, observed = (mean(record, f"{w}_order").estimate for w in ("nominal", "observed"))
        # no interval: a slope in float64 has no noise, only a ladder that may be too short
        verdicts.append("holds" if abs(observed - nominal) <= WITHIN else "fails")
        figures.append(f"{key[0]} on {key[1]}: {observed:.2f}, published {nominal:g}")
    return Finding(together(verdicts), figures or ["no solver ran on a smooth exact ground"])


@claim("Song et al. 2021, arXiv:2010.02502, section 5.1 and table 1")
def ddim_is_ddpm_in_fewer_steps(records: Sequence[Record]) -> Finding:
    """DDIM comes within 20 to 100 evaluations as near to the data as DDPM at 1000."""

    def told(best: Record, full: Record, name: str, ratio: str) -> str:
        return (
            f"{ground(full)}: {name} at {budget(best)} is {ratio} that of DDPM at {FULL_COUNT} "
            f"({value(best, name)} to {value(full, name)})"
        )

    few = [record for record in of(records, "ddim") if _few_and_deterministic(record)]
    pairs = nearest_on_task(few, (r for r in of(records, "ddpm") if budget(r) == FULL_COUNT))
    missing = f"no ground has DDPM at {FULL_COUNT} and DDIM at {FEW[0]} to {FEW[1]}"
    return compared(pairs, SAME, told, missing)


@claim("Karras et al. 2022, arXiv:2206.00364, section 3; Lu et al. 2022, arXiv:2211.01095")
def second_order_beats_first(records: Sequence[Record]) -> Finding:
    """At equal evaluations, 20 or more, solvers of second order and above err less than Euler's."""

    def told(second: Record, first: Record, name: str, ratio: str) -> str:
        at = f"{named(second)} on {ground(first)} at {budget(first)}"
        return f"{at}: {ratio} Euler's {name}"

    smooth = measured(records, "observed_order")
    missing = "no smooth exact ground has Euler and a solver of second order on one grid"
    fine = lambda first: budget(first) >= EQUAL_FROM  # noqa: E731
    return compared(_rivals(smooth), 1.0, told, missing, quantity="error", claimed=fine)


@claim("Lu et al. 2022, arXiv:2211.01095; Zhao et al. 2023, arXiv:2302.04867")
def multistep_is_converged_by_20(records: Sequence[Record]) -> Finding:
    """DPM-Solver(++), UniPC, DEIS, PNDM and LMS are nearly converged at 20 evaluations."""

    def told(early: Record, last: Record, name: str, ratio: str) -> str:
        return (
            f"{named(early)} on {ground(early)}: {name} at {EQUAL_FROM} is {ratio} that at "
            f"{budget(last)}"
        )

    missing = f"no multistep solver ran at {EQUAL_FROM} evaluations and at more"
    return compared(_early_and_last(records), SAME, told, missing)


def _rivals(records: Sequence[Record]) -> Iterator[tuple[Record, Record]]:
    """Pair every solver of second order or above with Euler's on the same task and grid."""
    for first in of(records, "euler"):
        for second in records:
            grids = [r.case.options.get("grid") for r in (first, second)]
            same = second.case.values == first.case.values and grids[0] == grids[1]
            if same and mean(second, "nominal_order").estimate >= 2:
                yield second, first


def _few_and_deterministic(record: Record) -> bool:
    return FEW[0] <= budget(record) <= FEW[1] and not record.case.options.get("eta")


def _early_and_last(records: Sequence[Record]) -> Iterator[tuple[Record, Record]]:
    """Pair multistep solvers at the claimed budget with the largest they were asked at."""
    for early in (r for r in of(records, *MULTISTEP) if budget(r) == EQUAL_FROM):
        later = [r for r in measured(records, distance(early)) if _continues(r, early)]
        if later:
            yield early, max(later, key=budget)


def _continues(record: Record, early: Record) -> bool:
    """Say whether a record is the same sampler's on the same task at a larger budget."""
    same = named(record) == named(early) and same_task(record, early)
    return same and budget(record) > budget(early)
