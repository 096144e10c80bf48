"""What the literature says of samplers that learn or are taught, put to a run. Torch-free."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.claims import Finding, Record, Verdict, at_most, claim, together
from suites.samplers.claimed import (
    SAME,
    data,
    distance,
    ground,
    measured,
    named,
    of,
    ratio,
    same_task,
    tasks,
    times,
)
from suites.samplers.enough import budget, mean

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
    figures: list[str] = []
    verdicts: list[Verdict] = []
    sound = [r for r in records if r.outcome == "ok" and r.case.variant not in UNLIKE]
    for own in tasks(sound):
        name = distance(own[0])
        known = measured(own, name)
        learned, rivals = of(known, "amed"), [r for r in known if r.case.variant != "amed"]
        if not learned or not rivals or budget(own[0]) > FEWEST:
            continue
        best = min(rivals, key=lambda record: mean(record, name).estimate)
        found = ratio(learned[0], best, name)
        verdicts.append(at_most(found, 1.0))
        figures.append(
            f"{ground(best)} at {budget(best)}: {name} {mean(learned[0], name).estimate:.3g} is "
            f"{times(found)} that of {named(best)}, the nearest other"
        )
    missing = f"AMED and a rival ran on no common task at {FEWEST} evaluations or fewer"
    return Finding(together(verdicts), figures or [missing])


@claim("Nichol and Dhariwal 2021, arXiv:2102.09672, section 4 and figure 8")
def improved_ddpm_needs_fewer_steps(records: Sequence[Record]) -> Finding:
    """Improved DDPM is as near at 50 to 100 steps as at 1000."""
    figures: list[str] = []
    verdicts: list[Verdict] = []
    own = of(records, "improved_ddpm")
    for full in (record for record in own if budget(record) == FULL_COUNT):
        name = distance(full)
        few = [r for r in measured(own, name) if HALF_WAY[0] <= budget(r) <= HALF_WAY[1]]
        few = [r for r in few if same_task(r, full)]
        if not few or not measured([full], name):
            continue
        best = min(few, key=lambda record: mean(record, name).estimate)
        found = ratio(best, full, name)
        verdicts.append(at_most(found, SAME))
        figures.append(
            f"{ground(full)}: {name} at {budget(best)} is {times(found)} that at {FULL_COUNT} "
            f"({mean(best, name).estimate:.3g} to {mean(full, name).estimate:.3g})"
        )
    missing = f"Improved DDPM ran nowhere at {HALF_WAY[0]} to {HALF_WAY[1]} and at {FULL_COUNT}"
    return Finding(together(verdicts), figures or [missing])


@claim("Liu et al. 2023, arXiv:2209.03003, section 3 and table 1")
def reflow_makes_few_steps_usable(records: Sequence[Record]) -> Finding:
    """One or two of Euler's steps along a straightened flow come nearer than along the flow."""
    figures: list[str] = []
    verdicts: list[Verdict] = []
    for straight, curved in _alike(records, STRAIGHTENED, FLOW):
        name = distance(straight)
        if budget(straight) > FEW_STEPS or len(measured([straight, curved], name)) < 2:
            continue
        found = ratio(straight, curved, name)
        verdicts.append(at_most(found, 1.0))
        figures.append(
            f"at {budget(straight)}: {name} {mean(straight, name).estimate:.3g} is "
            f"{times(found)} that of the flow it was taught ({mean(curved, name).estimate:.3g})"
        )
    missing = f"flow_euler ran at {FEW_STEPS} evaluations or fewer on no straightened flow"
    return Finding(together(verdicts), figures or [missing])


@claim("Liu et al. 2023, arXiv:2209.03003, section 3: reflow lowers the straightness S(Z)")
def reflow_straightens(records: Sequence[Record]) -> Finding:
    """The paths of a straightened flow bend less than those of the flow it was taught."""
    figures: list[str] = []
    verdicts: list[Verdict] = []
    for straight, curved in _alike(measured(records, "curvature"), STRAIGHTENED, FLOW):
        found = ratio(straight, curved, "curvature")
        verdicts.append(at_most(found, 1.0))
        values = [mean(record, "curvature").estimate for record in (straight, curved)]
        figures.append(
            f"S(Z) over the paths' squared length is {values[0]:.3g}, {times(found)} that of "
            f"the flow it was taught ({values[1]:.3g})"
        )
        break  # it is the flow's, whatever the budget
    missing = "flow_euler ran on no straightened flow and the flow it was taught"
    return Finding(together(verdicts), figures or [missing])


@claim("Esser et al. 2024, arXiv:2403.03206, section 5.1 and table 1: rf/lognorm(0, 1)")
def logit_normal_training_comes_nearer(records: Sequence[Record]) -> Finding:
    """At equal steps a flow trained at logit-normal times comes nearer than at even ones."""
    figures: list[str] = []
    verdicts: list[Verdict] = []
    for ours, even in _alike(records, LOGIT_NORMAL, UNIFORM):
        name = distance(ours)
        if len(measured([ours, even], name)) < 2:
            continue
        found = ratio(ours, even, name)
        verdicts.append(at_most(found, 1.0))
        figures.append(
            f"at {budget(ours)}: {name} {mean(ours, name).estimate:.3g} is {times(found)} that of "
            f"even times ({mean(even, name).estimate:.3g}), one training each"
        )
    missing = "flow_euler ran on no two flows that differ in the times of their training"
    return Finding(together(verdicts), figures or [missing])


@claim("Zhou et al. 2024, arXiv:2404.04057, table 2")
def one_step_is_near_its_teacher(records: Sequence[Record]) -> Finding:
    """A generator distilled by SiD comes in one evaluation as near as its teacher in many."""
    figures: list[str] = []
    verdicts: list[Verdict] = []
    for one in of(records, "sid"):
        name = distance(one)
        steps = [r for r in measured(records, name) if r.case.variant in TEACHERS]
        steps = [r for r in steps if budget(r) == MANY and same_task(r, one)]
        if not steps or not measured([one], name):
            continue
        teacher = min(steps, key=lambda record: mean(record, name).estimate)
        found = ratio(one, teacher, name)
        verdicts.append(at_most(found, SAME))
        figures.append(
            f"{ground(one)}: {name} {mean(one, name).estimate:.3g} is {times(found)} that of "
            f"{named(teacher)} at {MANY} ({mean(teacher, name).estimate:.3g})"
        )
    missing = f"SiD ran on no ground where {' or '.join(TEACHERS)} has {MANY} evaluations"
    return Finding(together(verdicts), figures or [missing])


def _alike(records: Sequence[Record], one: str, other: str) -> Iterator[tuple[Record, Record]]:
    """Pair Euler's steps along the flows of two grounds, where all else is equal."""
    euler = of(records, "flow_euler")
    for first in (record for record in euler if ground(record) == one):
        for second in (record for record in euler if ground(record) == other):
            alike = [(budget(r), data(r), r.case.options) for r in (first, second)]
            if alike[0] == alike[1]:
                yield first, second
