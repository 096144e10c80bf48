"""How the time of a run was spent."""

from bench.store import Run


def measuring_share(run: Run) -> float | None:
    """Return the share of the timed rounds' wall time spent in calls of the steps; None: no round.

    A session that was killed left no wall time, and is left out.
    """
    walls = {n: s.timing_wall_s for n, s in enumerate(run.manifest.sessions) if s.timing_wall_s}
    spent = [a.measuring_s for a in run.attempts if a.role == "time" and a.session in walls]
    return sum(spent) / sum(walls.values()) if spent else None
