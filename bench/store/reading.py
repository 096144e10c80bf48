"""Read a run folder: once, whole, and so that nothing later can meet what it does not expect."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.cases.case import Attempt
from bench.cases.counted import counted
from bench.errors import UserError
from bench.store import consistent
from bench.store.journal import unsealed
from bench.store.manifest import Manifest
from bench.store.run import Run
from bench.store.sound import complaint
from bench.store.strict import decode
from bench.store.structures import unlined
from bench.system.files import is_folder, read_regular

NO_DIGESTS = "written before lines had digests, so that one that was lost or edited is not seen"


def read(folder: Path) -> Run:
    """Read a run folder; UserError with file, line and expectation where it is not one."""
    if not is_folder(folder):
        raise UserError(f"no run folder at {folder}; expected a folder that `bench run` made")
    path = folder / "run.json"
    data = read_regular(path)
    if data is None:
        raise _no_manifest(folder)
    manifest = decode(data, Manifest, str(path))
    _expect_none(consistent.of_manifest(manifest), str(path))
    run = Run(folder, manifest, head=manifest.journal)
    _read_attempts(run)
    _read_structures(run)
    _expect_none(consistent.of_counts(manifest, run.attempts), str(run.records_path))
    return run


def _no_manifest(folder: Path) -> UserError:
    sides = sorted(path.parent.name for path in folder.glob("*/run.json"))
    hint = f"; it holds {' and '.join(sides)}" if 0 < len(sides) < 4 else ""
    return UserError(f"{folder} is no run folder: it has no run.json{hint}")


def _read_attempts(run: Run) -> None:
    data = read_regular(run.records_path)
    if data is None:
        return
    *lines, rest = data.split(b"\n")
    seen = consistent.Lines(run.manifest, run.folder.resolve().name)
    for number, line in enumerate(lines, 1):
        where = f"{run.records_path}, line {number}"
        attempt = _opened(run, line, number, where)
        _expect_none(seen.complaints(attempt, number), where)
        run.attempts.append(attempt)
    if rest:
        run.notices.append(
            f"{run.records_path}: the last line was cut off by an interruption and is left out"
        )
    if not run.manifest.journal:
        run.notices.append(f"{run.records_path}: {NO_DIGESTS}")


def _read_structures(run: Run) -> None:
    """Read what calls did: what is damaged is left out, its digest would find it out anywhere."""
    found, damaged = unlined(read_regular(run.structures_path) or b"")
    asked = {attempt.structure for attempt in run.attempts if attempt.structure}
    run.structures.update(found)
    lost = len(asked - found.keys())
    told = [f"{counted(damaged, 'damaged line')} left out"] if damaged else []
    told += [f"what {counted(lost, 'call')} did is not known"] if lost else []
    if told:
        run.notices.append(f"{run.structures_path}: {'; '.join(told)}")


def _opened(run: Run, line: bytes, number: int, where: str) -> Attempt:
    """Return a line's attempt; where lines have digests, the next one's is chained to it."""
    if run.manifest.journal:
        try:
            line, run.head = unsealed(line, number, run.head)
        except ValueError as error:
            raise UserError(f"{where}: {error}") from error
    attempt = decode(line, Attempt, where)
    if wrong := complaint(attempt):
        raise UserError(f"{where}: {wrong}")
    return attempt


def _expect_none(complaints: Iterable[str], where: str) -> None:
    """Refuse the file for the first complaint."""
    for wrong in complaints:
        raise UserError(f"{where}: {wrong}")
