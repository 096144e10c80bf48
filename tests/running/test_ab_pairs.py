"""Which cases of both sides are paired: by id, by question, and what matches nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.cases.case import Case
from bench.errors import UserError
from bench.running.pairing import listed as listing
from bench.running.pairing.contenders import Contender
from bench.running.pairing.listed import Asked
from bench.running.pairing.pairs import Matched, list_pairs
from bench.sides.side import Side
from tests.running.made_cases import case


def contender(letter: str, **changes: object) -> Contender:
    made = Contender(letter.lower(), "revision", Side(name=letter), ["suites.faults"])
    return replace(made, **changes)


def matched(
    monkeypatch: pytest.MonkeyPatch,
    a: list[Case],
    b: list[Case],
    keyword: str = "",
    broken: tuple[str, ...] = (),
    **changes: object,
) -> Matched:
    """Match what both sides are made to list; B cannot import the `broken` modules."""
    answers = {"A": (a, ()), "B": (b, broken)}

    def ask(side: Side, *_: object, **__: object) -> dict[str, object]:
        cases, modules = answers[side.name]
        plain = [dict(vars(c)) for c in cases]
        told = {"lacking": {}, "broken": list(modules), "said": ""}
        return {"cases": plain, "device": "cpu", **told}

    monkeypatch.setattr(listing, "ask", ask)
    return list_pairs(contender("A", **changes), contender("B", **changes), Asked(keyword))


def test_cases_are_paired_by_id(monkeypatch: pytest.MonkeyPatch) -> None:
    found = matched(monkeypatch, [case("a"), case("gone")], [case("a", flops=3), case("new")])
    names = [(p.a and p.a.variant, p.b and p.b.variant) for p in found.pairs]
    assert sorted(names, key=str) == [("a", "a"), ("gone", None), (None, "new")]
    assert [c.variant for c in found.cases(1)] == ["a", "new"]


@pytest.mark.parametrize("keyword", ["", "n=2", "n=1 or n=2"])
def test_a_module_that_cannot_be_imported_is_asked_what_the_other_side_answers(
    monkeypatch: pytest.MonkeyPatch, keyword: str
) -> None:
    module = "suites.faults.none"
    broken = Case("faults", "none", module, "", {})
    answers = [case("none", n, source_hash="abc") for n in (1, 2)]
    for told in ([broken], []):  # a selector may name a variant, and not its module
        found = matched(monkeypatch, answers, told, keyword, broken=(module,))
        assert all(p.whole for p in found.pairs)
        assert [c.id for c in found.cases(1)] == [c.id for c in found.cases(0)]
        assert {c.source_hash for c in found.cases(1)} == {""}
        assert len(found.pairs) == (1 if keyword == "n=2" else 2)


def test_variants_are_paired_by_question(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [case("slow", 1), case("slow", 2), case("fast", 1), case("fast", 3)]
    answer = {"cases": [dict(vars(c)) for c in cases], "device": "cpu", "lacking": {}}
    answer |= {"broken": [], "said": ""}
    monkeypatch.setattr(listing, "ask", lambda *_, **__: answer)
    sides = [
        contender(letter, sort="variant", variant=("faults", name))
        for letter, name in (("A", "slow"), ("B", "fast"))
    ]
    (pair,) = list_pairs(*sides, Asked()).pairs
    assert (pair.a, pair.b) == (case("slow", 1), case("fast", 1))
    assert pair.name == f"faults/slow and faults/fast: {case('fast', 1).question}"


def test_several_answers_to_a_question_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    two = [case("a", options={"block": 1}), case("a", options={"block": 2})]
    with pytest.raises(UserError, match=r"faults/a\[block=1\], faults/a\[block=2\]; name options"):
        matched(monkeypatch, two, two, sort="variant", variant=("faults", "a"))


def test_nothing_in_common_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"A \(a\) and B \(b\) have no case in common") as caught:
        matched(monkeypatch, [case("a")], [case("b")])
    assert caught.value.exit_code == 3
