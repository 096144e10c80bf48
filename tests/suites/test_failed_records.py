"""What failed is no evidence: rows without values, put to every claim and every answer."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

from bench.cases.case import Case
from bench.judging.claim import Claim, claims_of
from bench.judging.record import Record
from bench.selecting.discover import load_module, module_names, variants_of

SUITES = {point.name: point.value for point in entry_points(group="touchstone.suites")}
CLAIMS = [
    pytest.param(point.name, claim, id=f"{point.name}-{claim.name}")
    for point in entry_points(group="touchstone.claims")
    for claim in claims_of(point.load())
]
ANSWERS = sorted(point.name for point in entry_points(group="touchstone.answers"))


def failed(suite: str) -> list[Record]:
    """Return a row of every variant that was not even posed a problem, and one of none we know."""
    names = [
        variant.name
        for module in module_names(SUITES[suite])
        for variant in variants_of(load_module(module))
    ]
    return [
        Record(Case(suite, name, f"{SUITES[suite]}.{name}", "", {}), outcome)
        for name in ("made_up", *names)
        for outcome in ("error", "unsupported", "oom")
    ]


@pytest.mark.parametrize(("suite", "claim"), CLAIMS)
def test_claims_stand_on_nothing_that_failed(suite: str, claim: Claim) -> None:
    assert claim.check(failed(suite)).verdict == "untested"


@pytest.mark.parametrize("suite", ANSWERS)
def test_answers_stand_on_nothing_that_failed(suite: str) -> None:
    answers = next(p for p in entry_points(group="touchstone.answers") if p.name == suite).load()
    stood_on = [record for answer in answers.answers(failed(suite)) for record in answer.records]
    assert not stood_on
