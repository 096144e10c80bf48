"""Which case of BASE is set against which of NEW, and what becomes of a case as a whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.cases.case import Case
from bench.cases.keywords import chooser
from bench.judging.comparing.versus import Versus
from bench.judging.comparing.words import Word
from bench.judging.record import PENDING, Record


@dataclass(frozen=True)
class Match:
    """A case on both sides, or on one where the other has none such."""

    versus: Versus
    base: Record | None
    new: Record | None

    @property
    def case(self) -> Case:
        """Return the case, as BASE has it where it does."""
        record = self.base or self.new
        assert record is not None
        return record.case

    @property
    def both(self) -> tuple[Record, Record] | None:
        """Return both records where both are ok, so that their quantities can be compared."""
        if self.base and self.new and self.base.outcome == self.new.outcome == "ok":
            return self.base, self.new
        return None


def match(
    versus: Versus, base: Sequence[Record], new: Sequence[Record], keyword: str = ""
) -> list[Match]:
    """Match cases by id; two paired variants have none in common, and match by their question."""
    chooses = chooser(keyword)
    ours = {record.case.id: record for record in base}
    theirs = {record.case.id: record for record in new}
    if versus.paired and not ours.keys() & theirs.keys():
        ours, theirs = _by_question(base), _by_question(new)
    found = [
        Match(versus, ours.get(key), theirs.get(key)) for key in dict.fromkeys([*ours, *theirs])
    ]
    return [m for m in found if any(chooses(r.case.id) for r in (m.base, m.new) if r)]


def _by_question(records: Sequence[Record]) -> dict[str, Record]:
    """Key records by question where it is asked once, else by id: nothing says which is meant."""
    asked = Counter(record.case.question for record in records)
    return {r.case.question if asked[r.case.question] == 1 else r.case.id: r for r in records}


def fate(found: Match) -> tuple[Word, str] | None:
    """Return the verdict on a case as a whole and why; None where both sides are ok."""
    base, new = found.base, found.new
    if base is None:
        return "added", _told(new)
    if new is None:
        return "removed", _told(base)
    if found.both:
        return None
    if PENDING in (base.outcome, new.outcome) or "ok" not in (base.outcome, new.outcome):
        told = _told(base), _told(new)
        return "not comparable", told[0] if told[0] == told[1] else f"BASE {told[0]}; NEW {told[1]}"
    return ("broken", _told(new)) if base.outcome == "ok" else ("fixed", f"was {_told(base)}")


def _told(record: Record | None) -> str:
    """Say what came of one side."""
    if record is None or record.outcome == "ok":
        return "ok"
    if record.outcome == PENDING:
        return record.detail
    where = f" in {record.failed_in}" if record.failed_in else ""
    return f"{record.outcome}{where}: {record.detail}" if record.detail else record.outcome


def quality_fate(base: Record, new: Record) -> tuple[Word, str] | None:
    """Return the verdict on the qualities of a case, and why; None where none has failed."""
    told = [_told_of_quality(record) for record in (base, new)]
    if not (base.worthless or new.worthless):
        return None
    if base.worthless and new.worthless:
        return "not comparable", told[0] if told[0] == told[1] else f"BASE {told[0]}; NEW {told[1]}"
    if new.worthless:
        return ("broken" if base.quality_outcome else "added"), told[1]
    return ("fixed" if new.quality_outcome else "removed"), f"was {told[0]}"


def _told_of_quality(record: Record) -> str:
    detail = f": {record.quality_detail}" if record.quality_detail else ""
    return f"{record.quality_outcome} in quality{detail}"
