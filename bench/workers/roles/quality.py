"""The quality role: what the result is worth, once per seed and never in a timing round."""

from bench.workers.contest import Contest
from bench.workers.roles.result import Result


def quality(contest: Contest) -> Result:
    """Let the problem measure its own quality (a loss trajectory, a distance) for one seed."""
    contest.reset()
    return Result(contest.problem.quality(contest.built, contest.seed, contest.setting))
