"""What is asked for by name and gets no case is told; of a whole suite a preset may choose."""

from __future__ import annotations

import pytest

from bench.selecting.contestants import Contestants
from bench.selecting.discover import load_module, module_names, variants_of
from bench.selecting.listing import list_cases

PACKAGE = "suites.samplers"
VARIANTS = [v for name in module_names(PACKAGE) for v in variants_of(load_module(name))]


def listed(pattern: str, preset: str) -> set[str]:
    group = Contestants("samplers", VARIANTS, {}, pattern)
    request = {"sets": [], "files": {}, "preset": preset}
    return {case.variant for case in list_cases(request, "cpu", [group])}


def test_what_is_asked_twice_is_asked_for_all_of_it() -> None:
    """A guided call of twice the batch is in a sweep for its distance, and in one for its time."""
    group = Contestants("samplers", VARIANTS, {}, "classifier_free")
    request = {"sets": [], "files": {}, "preset": "quick"}
    cases = list_cases(request, "cpu", [group])
    assert len({case.id for case in cases}) == len(cases)
    (both,) = [
        case
        for case in cases
        if case.values["nfe"] == 20
        and (case.options["scale"], case.options["batched"]) == (1.0, True)
    ]
    assert both.timed
    assert both.quality_seeds == 3
    assert not next(case for case in cases if case.options["scale"] == 3.0).timed


def test_a_variant_that_a_preset_leaves_out_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert listed("improved_ddpm", "smoke") == set()
    assert "samplers/improved_ddpm: smoke asks nothing of it" in capsys.readouterr().err
    assert listed("improved_ddpm", "quick") == {"improved_ddpm"}
    assert capsys.readouterr().err == ""


def test_of_a_whole_suite_a_preset_may_choose(capsys: pytest.CaptureFixture[str]) -> None:
    for pattern in ("*", "ddpm"):  # which finds what ends so as well
        found = listed(pattern, "smoke")
        assert "ddpm" in found
        assert "improved_ddpm" not in found
        assert capsys.readouterr().err == ""
