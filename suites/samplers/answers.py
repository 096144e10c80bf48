"""How many steps are enough, what that saves over DDPM, and when each sampler is done.

Torch-free.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.answers import Answer, Mean, Record, Rounds, listed, ratio, span, what_settles
from suites.samplers.enough import (
    DISTANCES,
    LEVEL,
    SAME,
    Contest,
    budget,
    by_sampler,
    contests,
    evaluations,
    farther,
    least_settled,
    mean,
    near,
)

QUESTION = "How many steps are enough?"
MANY_STEPS = "ddpm"  # what others are to do in fewer
MOST_FEWER = 3  # budgets below that which is enough


def answers(records: Sequence[Record]) -> list[Answer]:
    """Answer on the task that most was asked of, of those on which anything is told."""
    found = contests(records)
    telling = [contest for contest in found if _tells(contest)]
    if not telling:
        return [_nothing_told(contest) for contest in found[:1]]
    contest = telling[0]
    cheapest = _cheapest(contest)
    return [_enough(contest, cheapest), *_gain(contest), *_limits(contest)]


def columns(records: Sequence[Record]) -> dict[str, dict[str, float]]:
    """Return, by case, where its sampler settles, and the seconds in the network and outside it.

    `settled_nfe` is the least budget from which on a sampler is within noise of its own limit. It
    stands on all its budgets on the case's task, and is missing where the distance may still fall.
    """
    settled: dict[str, float] = {}
    for contest in contests(records):
        for own in by_sampler(contest).values():
            least = least_settled(contest, own)
            if least is not own[-1]:
                settled |= {record.case.id: budget(least) for record in own}
    return {"settled_nfe": settled, **_seconds(records)}


def _seconds(records: Sequence[Record]) -> dict[str, dict[str, float]]:
    """Part the time of a call by the share that a sampler adds to bare calls of its network."""
    inside, outside = dict[str, float](), dict[str, float]()
    for record in records:
        time, share = record.interval_of("time"), record.figure_of("overhead_share")
        if time is not None and share is not None:
            inside[record.case.id] = time.estimate / (1 + share)
            outside[record.case.id] = time.estimate - inside[record.case.id]
    return {"network_s": inside, "outside_network_s": outside}


def _tells(contest: Contest) -> bool:
    """Say whether anything is shown to be farther than the best, and than real images are."""
    far = (r for r in contest.records if farther(contest.over(r, contest.best)))
    return any(not near(contest.over_floor(record)) for record in far)


def _cheapest(contest: Contest) -> list[Record]:
    """Return what is enough for the fewest evaluations, the nearest first; at least the best."""
    enough = [r for r in contest.records if r is contest.best or contest.enough(r)]
    fewest = min(map(evaluations, enough))
    return sorted((r for r in enough if evaluations(r) == fewest), key=contest.value)


def _enough(contest: Contest, cheapest: list[Record]) -> Answer:
    """Say how many evaluations are enough, of which sampler, and what fewer of them cost."""
    first = cheapest[0]
    names = listed([contest.name(record) for record in cheapest])
    told = f"{_distance(contest, first)}{_floor(first)}"
    fewer = _fewer(contest, evaluations(first))
    if budget(first) == _most(contest) and not near(contest.over_floor(first)):
        sentence = (
            f"no budget is shown to be enough: {names} at {evaluations(first):.0f}, the most "
            f"asked, {'is' if len(cheapest) == 1 else 'are'} nearest ({told}){fewer}; larger "
            f"budgets would show whether it still falls"
        )
    else:
        sentence = (
            f"{evaluations(first):.0f} evaluations are enough: {names} "
            f"{'is' if len(cheapest) == 1 else 'are'} there {_nearest(contest, first)} "
            f"({told}){fewer}"
        )
    return Answer(f"On {_ground(contest)} {sentence}.", cheapest)


def _most(contest: Contest) -> int:
    return max(map(budget, contest.records))


def _nearest(contest: Contest, record: Record) -> str:
    """Say of what it is within noise: of real images, or of the best there is."""
    best = contest.best
    if near(contest.over_floor(record)):
        return "within noise of real images"
    if record is best:
        return f"nearest of all, up to {_most(contest)} evaluations"
    over = _times(contest.over(record, best))
    name = f"{contest.name(best)} at {evaluations(best):.0f}"
    return f"within noise of the best of all, {name}: {over} as far"


def _fewer(contest: Contest, enough: float) -> str:
    """Say how much farther the nearest are at the budgets below."""
    told = []
    for asked in sorted({budget(record) for record in contest.records if budget(record) < enough}):
        first = min((r for r in contest.records if budget(r) == asked), key=contest.value)
        over = contest.over(first, contest.best)
        if farther(over):
            told.append(f"at {asked} {contest.name(first)} is {_times(over)} as far")
    return f"; {', '.join(told[-MOST_FEWER:])}" if told else ""


def _gain(contest: Contest) -> list[Answer]:
    """Say what is saved over DDPM to come as near: evaluations, and seconds where timed."""
    slow = _settled_ddpm(contest)
    rivals = [r for r in contest.records if r.case.variant != MANY_STEPS]
    as_near = [r for r in rivals if slow is not None and near(contest.over(r, slow))]
    if slow is None or not as_near:
        return []
    fast = min(as_near, key=lambda record: (evaluations(record), contest.value(record)))
    if evaluations(fast) >= evaluations(slow):
        return []
    saved = f"{evaluations(slow) / evaluations(fast):.2g}× fewer evaluations{_time(slow, fast)}"
    return [
        Answer(
            f"What DDPM reaches in {evaluations(slow):.0f} evaluations "
            f"({_distance(contest, slow)}), {contest.name(fast)} reaches in "
            f"{evaluations(fast):.0f}: {saved}.",
            [slow, fast],
        )
    ]


def _settled_ddpm(contest: Contest) -> Record | None:
    """Return DDPM at the least budget at which it is within noise of its own limit."""
    own = [record for record in contest.records if record.case.variant == MANY_STEPS]
    if not own:
        return None
    name = contest.name(min(own, key=contest.value))
    return least_settled(contest, [record for record in own if contest.name(record) == name])


def _time(slow: Record, fast: Record) -> str:
    """Write the ratio of times an image, over the rounds that both have."""
    if not (slow.ranked and fast.ranked):
        return ""
    found = ratio(_an_image(slow), _an_image(fast))
    if found is None or found.low is None or found.high is None:
        return ""
    return f", {span(found.low, found.high)} less time"


def _an_image(record: Record) -> Rounds:
    count = float(record.case.values.get("batch") or 1)
    return {key: value / count for key, value in record.rounds_of().items()}


def _limits(contest: Contest) -> list[Answer]:
    """Say from which budget on every sampler is within noise of its own limit."""
    by_budget: dict[int, list[str]] = {}
    falling: dict[str, int] = {}  # and the most that each was asked
    for name, own in by_sampler(contest).items():
        least = least_settled(contest, own)
        if least is own[-1]:
            falling[name] = budget(least)
        else:
            by_budget.setdefault(budget(least), []).append(name)
    if not by_budget:
        words = f"No sampler is within noise of its own limit before {_last(falling)}."
        return [Answer(words)] if falling else []
    told = [f"by {least} {listed(names)}" for least, names in sorted(by_budget.items())]
    told += [f"not before {_last(falling)}, {listed([*falling])}"] if falling else []
    return [Answer(f"Within noise of their own limits: {'; '.join(told)}.")]


def _last(falling: dict[str, int]) -> str:
    """Name the most that was asked, which need not be as much of each."""
    least, most = min(falling.values(), default=0), max(falling.values(), default=0)
    return f"{most}, the most asked" if least == most else f"the most asked of each, {least}–{most}"


def _nothing_told(contest: Contest) -> Answer:
    """Say that nothing is told apart, and what would."""
    if len(contest.records) == 1:
        return _alone(contest, contest.best)
    worst, best = max(contest.records, key=contest.value), contest.best
    values = [contest.value(record) for record in (best, worst)]
    settles = what_settles(contest.logs(worst, best), "seed", LEVEL, SAME - 1)
    name = DISTANCES[contest.distance]
    return Answer(
        f"On {_ground(contest)} it cannot be told: {name} of {values[0]:.3g} to {values[1]:.3g}, "
        f"all within noise of each other or of real images{_floor(best)}. For the nearest and the "
        f"farthest {settles}; a ground with less noise, or fewer evaluations, tells sooner.",
        [best, worst],
    )


def _alone(contest: Contest, only: Record) -> Answer:
    return Answer(
        f"On {_ground(contest)} {contest.name(only)} at {evaluations(only):.0f} evaluations is all "
        f"that was measured ({_distance(contest, only)}{_floor(only)}): other budgets and samplers "
        "would say whether that is enough.",
        [only],
    )


def _ground(contest: Contest) -> str:
    return str(contest.records[0].case.values.get("ground"))


def _distance(contest: Contest, record: Record) -> str:
    found = mean(record, contest.distance)
    bounds = "" if found.low is None else f" ({found.low:.2g}–{found.high:.2g})"
    return f"{DISTANCES[contest.distance]} {found.estimate:.2g}{bounds}"


def _floor(record: Record) -> str:
    floor = record.quality_of("fd_floor")
    return "" if floor is None else f", floor {floor.estimate:.2g}"


def _times(found: Mean | None) -> str:
    if found is None or found.low is None or found.high is None:
        return "by an unknown factor"
    return span(found.low, found.high)
