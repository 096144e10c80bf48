"""What the literature says of samplers that learn or are taught, put to a run. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from bench.claims import Finding, Record, claim
from suites.samplers.claimed import (
    compared,
    data,
    distance,
    ground,
    measured,
    named,
    nearest,
    nearest_on_task,
    of,
    tasks,
    value,
)
from suites.samplers.enough import SAME, budget

FEWEST = 10  # evaluations, up to which AMED is claimed to lead
HALF_WAY = (50, 100)  # Improved DDPM's
FULL_COUNT = 1000
STRAIGHTENED, FLOW = "reflow", "digits_mixture"
LOGIT_NORMAL, UNIFORM = "mlp_flow", "mlp_flow_uniform"  # the times that a flow was trained at
FEW_STEPS = 2  # of a straightened flow
TEACHERS, MANY = ("ddim", "heun", "dpmpp_2m"), 50  # steps of the denoiser that taught one step
UNLIKE = ("classifier_free", "classifier_guidance")  # they sample one class at a time


@claim("Zhou et al. 2024, arXiv:2312.00094, table 2")
def amed_leads_at_few_evaluations(records: Sequence[Record]) -> Finding:
    """At 10 evaluations or fewer AMED comes nearer than any other sampler."""

    def told(learned: Record, best: Record, name: str, ratio: str) -> str:
        return (
            f"{ground(best)} at {budget(best)}: {name} {value(learned, name)} is {ratio} that of "
            f"{named(best)}, the nearest other"
        )

    missing = f"AMED and a rival ran on no common task at {FEWEST} evaluations or fewer"
    return compared(_amed_and_nearest(records), 1.0, told, missing)


@claim("Nichol and Dhariwal 2021, arXiv:2102.09672, section 4 and figure 8")
def improved_ddpm_needs_fewer_steps(records: Sequence[Record]) -> Finding:
    """Improved DDPM is as near at 50 to 100 steps as at 1000."""

    def told(best: Record, full: Record, name: str, ratio: str) -> str:
        return (
            f"{ground(full)}: {name} at {budget(best)} is {ratio} that at {FULL_COUNT} "
            f"({value(best, name)} to {value(full, name)})"
        )

    own = of(records, "improved_ddpm")
    low, high = HALF_WAY
    half = [record for record in own if low <= budget(record) <= high]
    pairs = nearest_on_task(half, [record for record in own if budget(record) == FULL_COUNT])
    missing = f"Improved DDPM ran nowhere at {low} to {high} and at {FULL_COUNT}"
    return compared(pairs, SAME, told, missing)


@claim("Liu et al. 2023, arXiv:2209.03003, section 3 and table 1")
def reflow_makes_few_steps_usable(records: Sequence[Record]) -> Finding:
    """One or two of Euler's steps along a straightened flow come nearer than along the flow."""

    def told(straight: Record, curved: Record, name: str, ratio: str) -> str:
        return (
            f"at {budget(straight)}: {name} {value(straight, name)} is {ratio} that of the flow "
            f"it was taught ({value(curved, name)})"
        )

    few = [record for record in of(records, "flow_euler") if budget(record) <= FEW_STEPS]
    missing = f"flow_euler ran at {FEW_STEPS} evaluations or fewer on no straightened flow"
    return compared(_alike(few, STRAIGHTENED, FLOW), 1.0, told, missing)


@claim("Liu et al. 2023, arXiv:2209.03003, section 3: reflow lowers the straightness S(Z)")
def reflow_straightens(records: Sequence[Record]) -> Finding:
    """The paths of a straightened flow bend less than those of the flow it was taught."""

    def told(straight: Record, curved: Record, name: str, ratio: str) -> str:
        return (
            f"S(Z) over the paths' squared length is {value(straight, name)}, {ratio} that of "
            f"the flow it was taught ({value(curved, name)})"
        )

    bent = measured(records, "curvature")
    one = islice(_alike(bent, STRAIGHTENED, FLOW), 1)  # it is the flow's, whatever the budget
    missing = "flow_euler ran on no straightened flow and the flow it was taught"
    return compared(one, 1.0, told, missing, quantity="curvature")


@claim("Esser et al. 2024, arXiv:2403.03206, section 5.1 and table 1: rf/lognorm(0, 1)")
def logit_normal_training_comes_nearer(records: Sequence[Record]) -> Finding:
    """At equal steps a flow trained at logit-normal times comes nearer than at even ones."""

    def told(ours: Record, even: Record, name: str, ratio: str) -> str:
        return (
            f"at {budget(ours)}: {name} {value(ours, name)} is {ratio} that of even times "
            f"({value(even, name)}), one training each"
        )

    missing = "flow_euler ran on no two flows that differ in the times of their training"
    return compared(_alike(records, LOGIT_NORMAL, UNIFORM), 1.0, told, missing)


@claim("Zhou et al. 2024, arXiv:2404.04057, table 2")
def one_step_is_near_its_teacher(records: Sequence[Record]) -> Finding:
    """A generator distilled by SiD comes in one evaluation as near as its teacher in many."""

    def told(one: Record, teacher: Record, name: str, ratio: str) -> str:
        return (
            f"{ground(one)}: {name} {value(one, name)} is {ratio} that of {named(teacher)} at "
            f"{MANY} ({value(teacher, name)})"
        )

    teachers = [r for r in of(records, *TEACHERS) if budget(r) == MANY]
    pairs = ((one, best) for best, one in nearest_on_task(teachers, of(records, "sid")))
    missing = f"SiD ran on no ground where {' or '.join(TEACHERS)} has {MANY} evaluations"
    return compared(pairs, SAME, told, missing)


def _amed_and_nearest(records: Sequence[Record]) -> Iterator[tuple[Record, Record]]:
    """Pair AMED's with the nearest other sampler of the same task and budget."""
    sound = [r for r in records if r.outcome == "ok" and r.case.variant not in UNLIKE]
    for own in tasks([record for record in sound if budget(record) <= FEWEST]):
        name = distance(own[0])
        known = measured(own, name)
        learned, rivals = of(known, "amed"), [r for r in known if r.case.variant != "amed"]
        if learned and rivals:
            yield learned[0], nearest(rivals, name)


def _alike(records: Sequence[Record], one: str, other: str) -> Iterator[tuple[Record, Record]]:
    """Pair Euler's steps along the flows of two grounds, where all else is equal."""
    euler = of(records, "flow_euler")
    for first in (record for record in euler if ground(record) == one):
        for second in (record for record in euler if ground(record) == other):
            alike = [(budget(r), data(r), r.case.options) for r in (first, second)]
            if alike[0] == alike[1]:
                yield first, second
