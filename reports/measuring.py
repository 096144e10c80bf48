"""How the time of a run was spent."""

from bench.store import Run


def measuring_share(run: Run) -> float | None:
    """Return the share of the timed rounds' wall time spent in calls of the steps."""
    walls = {n: s.timing_wall_s for n, s in enumerate(run.manifest.sessions) if s.timing_wall_s}
    wall = sum(walls.values())  # a session that was killed left none, and is left out
    spent = sum(a.measuring_s for a in run.attempts if a.role == "time" and a.session in walls)
    return spent / wall if wall > 0 else None
