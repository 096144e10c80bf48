"""A user's git repository with an old and a new way, and what a comparison left in its folder."""

from __future__ import annotations

from pathlib import Path

from bench.judging.record import fold
from bench.store import Run, read
from bench.system import git

HEAD = """
from bench import variant
from suites.faults.problem import Double
"""

WAY = """
@variant
def {name}(problem: Double):
    return lambda inputs: inputs[0] * {factor}
"""

OLD = HEAD + "".join(
    WAY.format(name=n, factor=2) for n in ("stays", "also_stays", "breaks", "goes")
)

NEW = (
    HEAD
    + "".join(WAY.format(name=n, factor=2) for n in ("stays", "also_stays", "comes"))
    + WAY.format(name="breaks", factor=3)
)


class Repository:
    """A git repository of a user's own."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words: str) -> str:
        return git.git(self.folder, "-c", "user.name=a", "-c", "user.email=a@example.org", *words)

    def commit(self, **files: str) -> str:
        """Write files (`mine` is mine.py) and commit them; return the hash."""
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text)
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", "a change")
        return self.git("rev-parse", "HEAD").strip()


def sides(folder: Path) -> tuple[Run, Run]:
    return read(folder / "A"), read(folder / "B")


def outcomes(run: Run) -> dict[str, str]:
    return {record.case.variant: record.outcome for record in fold(run)}
