"""Which cases of the two sides are pairs: each side lists its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.case import Case
from bench.checkout import published
from bench.errors import NOTHING_MEASURED, UserError
from bench.pairing.contenders import Contender
from bench.selection import ask, matches
from bench.side import ROOT


@dataclass(frozen=True)
class Asked:
    """What is asked of both sides alike."""

    keyword: str = ""
    sets: list[str] = field(default_factory=list)
    preset: str = "quick"
    device: str = "auto"
    files: Mapping[str, Path | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Pair:
    """The same case of both sides; None on a side that has no such case."""

    a: Case | None
    b: Case | None

    @property
    def whole(self) -> bool:
        return self.a is not None and self.b is not None

    @property
    def name(self) -> str:
        """Return what the pair is told as: the case's id, or two variants and their question."""
        a, b = self.a, self.b
        if a is None or b is None or a.id == b.id:
            return next(case.id for case in (b, a) if case)
        return f"{a.suite}/{a.variant} and {b.suite}/{b.variant}: {b.question}"


@dataclass(frozen=True)
class Matched:
    """All pairs, the device they are measured on, and what one side alone lacks."""

    pairs: list[Pair]
    device: str
    notices: list[str]

    def cases(self, side: int) -> list[Case]:
        """Return the cases of side 0 (A) or 1 (B)."""
        both = [(pair.a, pair.b) for pair in self.pairs]
        return [case for pair in both if (case := pair[side])]


@dataclass(frozen=True)
class _Listed:
    contender: Contender
    cases: list[Case]
    device: str
    lacking: dict[str, str]


def list_pairs(a: Contender, b: Contender, asked: Asked) -> Matched:
    """Ask both sides for their cases, and match them; UserError where nothing can be compared."""
    listed = [_list(contender, asked) for contender in (a, b)]
    _expect_one_device(*listed)
    cases = (
        _with_unimportable(listed[0].cases, listed[1].cases),
        _with_unimportable(listed[1].cases, listed[0].cases),
    )
    pairs = _by_question(a, b, *cases) if a.sort == "variant" else _by_id(*cases)
    if not any(pair.whole for pair in pairs):
        raise UserError(f"{a.name} and {b.name} have no case in common", NOTHING_MEASURED)
    return Matched(pairs, listed[0].device, _notices(listed))


def _list(contender: Contender, asked: Asked) -> _Listed:
    side, sets = contender.side, [*asked.sets, *contender.sets]
    try:
        answer = ask(
            side,
            contender.selectors,
            sets,
            asked.preset,
            asked.device,
            asked.files,
            lenient=True,
        )
    except UserError as error:
        raise UserError(f"{contender.name}: {side.told(str(error))}", error.exit_code) from error
    lacking = {side.told(name): side.told(why) for name, why in answer["lacking"].items()}
    cases = [published(Case(**plain), side) for plain in answer["cases"]]
    for case in cases:
        _expect_own(contender, case)
    chosen = [case for case in _of_variant(contender, cases) if matches(asked.keyword, case.id)]
    if not chosen:
        why = next(iter(lacking.values()), f"no case matches -k '{asked.keyword}'")
        why = why if not cases else f"none of its {len(cases)} cases is asked for"
        raise UserError(f"{contender.name}: {why}", NOTHING_MEASURED)
    return _Listed(contender, chosen, answer["device"], lacking)


def _of_variant(contender: Contender, cases: list[Case]) -> list[Case]:
    """Keep the one variant that a contender is, where it is one."""
    if contender.variant is None:
        return cases
    suite, name = contender.variant
    own = [case for case in cases if case.suite == suite]
    exact = [case for case in own if case.variant == name]
    return exact or [case for case in own if case.variant.endswith(f"_{name}")]


def _expect_own(contender: Contender, case: Case) -> None:
    """Refuse a module that a side lacks and the present checkout would stand in for."""
    path = Path(f"{case.module.replace('.', '/')}.py")
    root = contender.side.root
    if not case.module.endswith(".py") and (ROOT / path).exists() and not (root / path).exists():
        raise UserError(f"{contender.name}: {case.module} is not part of it")


def _expect_one_device(a: _Listed, b: _Listed) -> None:
    if a.device != b.device:
        raise UserError(
            f"{a.contender.name} runs on {a.device}, {b.contender.name} on {b.device}; "
            "name one that both have with --device"
        )


def _with_unimportable(own: list[Case], other: list[Case]) -> list[Case]:
    """Ask a module that cannot be imported here what the other side's answers.

    Its cases then fail one by one, with the reason, beside those they should have equalled.
    """
    found: list[Case] = []
    for case in own:
        meant = [o for o in other if not case.problem and o.problem and o.module == case.module]
        found += [replace(o, source_hash="") for o in meant] or [case]
    return found


def _by_id(a: list[Case], b: list[Case]) -> list[Pair]:
    of_a, of_b = ({case.id: case for case in cases} for cases in (a, b))
    return [Pair(of_a.get(name), of_b.get(name)) for name in {**of_b, **of_a}]


def _by_question(a: Contender, b: Contender, of_a: list[Case], of_b: list[Case]) -> list[Pair]:
    """Pair two variants by what is asked; what only one of them answers cannot be compared."""
    for contender, cases in ((a, of_a), (b, of_b)):
        _expect_one_answer(contender, cases)
    answers = {case.question: case for case in of_b}
    return [Pair(case, answers[case.question]) for case in of_a if case.question in answers]


def _expect_one_answer(contender: Contender, cases: list[Case]) -> None:
    question, count = Counter(case.question for case in cases).most_common(1)[0]
    if count > 1:
        ids = sorted(case.id.partition("/" + question)[0] for case in cases)
        raise UserError(
            f"{contender.name}: expected one case a question, got {', '.join(dict.fromkeys(ids))}; "
            "name options, as in suite/variant[option=value]"
        )


def _notices(listed: list[_Listed]) -> list[str]:
    """Tell what one side alone lacks; UserError where both lack the same."""
    a, b = listed
    if a.contender.sort == "variant":
        return []
    for name in a.lacking.keys() & b.lacking.keys():
        raise UserError(b.lacking[name])
    return [
        f"{one.contender.name}: {why}; the other side's cases are {fate}"
        for one, fate in ((a, "added"), (b, "removed"))
        for why in one.lacking.values()
    ]
