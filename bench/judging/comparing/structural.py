"""What a call does on either side: the same, or the differences in words. No statistics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.checking.structure.differences import comparable, differences
from bench.judging.comparing.matching import Match
from bench.judging.comparing.quantities import STRUCTURE
from bench.judging.comparing.row import Row
from bench.judging.comparing.versus import Versus
from bench.judging.comparing.words import CHANGED, Word
from bench.judging.record import Record

# Facts that decide how a kernel is chosen, or what buffers it takes, whatever the code says.
_MACHINE = ("machine", "device", "cpu", "cpu_features")


def structure_rows(matches: Sequence[Match]) -> list[Row]:
    """Compare what calls did, of every case that is ok on both sides."""
    return [row for match in matches if match.both for row in _rows(match, *match.both)]


def _rows(match: Match, base: Record, new: Record) -> Iterator[Row]:
    if base.structure is None and new.structure is None:
        return
    if base.structure is None or new.structure is None:
        side, record = ("BASE", base) if base.structure is None else ("NEW", new)
        why = record.labels.get("structure_not_seen", "")
        told = f"not recorded in {side}" + (f": {why}" if why else "")
        # what can no longer be watched has changed: a gate must not pass it unseen
        lost = why and base.structure and not _other_torch(match.versus)
        verdict: Word = CHANGED if lost else "not comparable"
        yield Row(match, STRUCTURE, STRUCTURE, verdict, why=told)
        return
    alike = _same_machine(match.versus)
    before, after = (comparable(s, alike) for s in (base.structure, new.structure))
    found = "; ".join(differences(before, after))
    if other := _other_torch(match.versus):
        yield Row(
            match, STRUCTURE, STRUCTURE, "not comparable", why=f"{other}: {found or 'the same'}"
        )
        return
    yield Row(match, STRUCTURE, STRUCTURE, CHANGED if found else "same", why=found)


def _same_machine(versus: Versus) -> bool:
    names = [difference.name for difference in versus.differences]
    return not any(name in _MACHINE or name.startswith("GPU ") for name in names)


def _other_torch(versus: Versus) -> str:
    """Say which versions of torch ran, where they differ: that alone may change any call."""
    before, after = (
        str(run.last_session.environment.get("torch", "unknown"))
        for run in (versus.base, versus.new)
    )
    return "" if before == after else f"torch {before} → {after}"
