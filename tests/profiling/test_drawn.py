"""Pictures of a profile: every class has its own colour, and names can be told apart."""

from __future__ import annotations

import pandas as pd
import pytest

from bench.profiling.classes import OUTSIDE, PATTERNS
from bench.profiling.drawn import LONGEST, colour, short


def test_no_two_classes_share_a_colour() -> None:
    classes = [*(name for name, _ in PATTERNS), "other", "views", OUTSIDE]
    data = pd.DataFrame({"class": classes, "seconds": range(1, len(classes) + 1)})
    scale = colour(data, "class").to_dict()["scale"]
    assert set(scale["domain"]) == set(classes)
    assert len(set(scale["range"])) == len(classes)


@pytest.mark.parametrize("name", ["mm", "a" * LONGEST, "é" * LONGEST])
def test_a_name_that_fits_stays(name: str) -> None:
    assert short(name) == name


@pytest.mark.parametrize("more", [1, 2, 30])
def test_a_long_name_keeps_its_ends(more: int) -> None:
    name = "first" + "-" * (LONGEST - 9 + more) + "last"
    told = short(name)
    assert len(told) == LONGEST
    assert told.startswith("first")
    assert told.endswith("last")
    assert "…" in told
