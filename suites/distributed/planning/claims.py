"""What is claimed of predictions, put to a run. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence

from bench.claims import Finding, Record, Verdict, claim, together
from bench.errors import UserError
from suites.distributed.planning.step_time import check


@claim("the alpha-beta model: Hockney 1994; Thakur, Rabenseifner and Gropp 2005")
def a_step_is_predicted_at_a_world_size_never_fitted(records: Sequence[Record]) -> Finding:
    """A step's time on N ranks, fitted to fewer, lies within the prediction's stated error."""
    try:
        found = check(records, cores_of(records))
    except UserError as error:
        return Finding("untested", [str(error)])
    judged: list[Verdict] = []
    figures = []
    for one in found:
        judged.append("untested" if one.within is None else "holds" if one.within else "fails")
        stated = "no bounds" if one.half_s is None else f"±{one.half_s * 1e3:.0f} ms stated"
        figures.append(
            f"{one.step.strategy}, N = {one.step.ranks} from {', '.join(map(str, one.fitted_on))}: "
            f"{one.predicted.estimate * 1e3:.0f} ms predicted, "
            f"{one.measured.estimate * 1e3:.0f} ms measured, {one.error:+.0%} ({stated})"
        )
    return Finding(together(judged), figures or ["fewer than three world sizes were timed"])


def cores_of(records: Sequence[Record]) -> int:
    """Return how many ranks a run had cores for: the most that were not oversubscribed."""
    free = [r.case.ranks for r in records if "oversubscribed" not in r.flags and r.outcome == "ok"]
    return max(free, default=1)
