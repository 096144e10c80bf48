"""What runs were made with: what voids a comparison, what is named, and whose margin counts."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.store import Run
from reports.comparison.lines import how_judged
from tests.judging.made_pairs import compared, row_of
from tests.made_runs import Made, make, make_pair


def test_another_machine_is_refused_unless_forced(tmp_path: Path) -> None:
    values = {"peak": 1e6, "out_error_l2": 1e-6}
    quality = {"fid": [1.0, 1.1]}
    worse = {name: 2 * value for name, value in values.items()}
    base = make(tmp_path / "a", [Made("v", values=values, quality=quality)], pairing="x")
    new = make(
        tmp_path / "b",
        [Made("v", 2e-3, values=worse, quality={"fid": [2.0, 2.11]})],
        pairing="x",
        environment={"machine_id": "ba9876543210"},
    )
    with pytest.raises(UserError, match="machine 0123456789ab → ba9876543210") as refused:
        compared(base, new)
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)
    found = compared(base, new, force=True)
    for quantity in ("time", "out_error_l2", "fid"):
        row = row_of(found, "v", quantity)
        assert row.verdict == "unclear"
        assert row.why.startswith("forced: machine")
    assert row_of(found, "v").ratio is not None
    assert row_of(found, "v", "peak").verdict == "worse"
    assert found.overall[0].compared == 0
    assert how_judged(found).startswith("Forced across machine")


@pytest.mark.parametrize(
    ("environment", "manifest", "void"),
    [
        ({"cores_usable": 1}, {}, "cores_usable 2 → 1"),
        ({"frequency_policy": "powersave"}, {}, "frequency_policy performance → powersave"),
        ({}, {"device": "cuda:0"}, "device cpu → cuda:0"),
    ],
)
def test_what_makes_a_comparison_void(
    tmp_path: Path, environment: dict, manifest: dict, void: str
) -> None:
    base = make(tmp_path / "a", [Made("v")])
    new = make(tmp_path / "b", [Made("v")], environment=environment, **manifest)
    with pytest.raises(UserError, match=re.escape(void)):
        compared(base, new)


def test_other_differences_are_named_and_moments_are_not(tmp_path: Path) -> None:
    base = make(tmp_path / "a", [Made("v"), Made("w")])
    environment = {
        "torch": "3.x",
        "load_1m": 7.0,
        "settings": {"OMP_NUM_THREADS": "1", "MKL_X": "2"},
        "libraries": {"numpy": "2.1"},
        "gpus": "damaged",
    }
    new = make(
        tmp_path / "b",
        [Made("v", source_hash="1"), Made("w")],
        environment=environment,
        git={"commit": "d" * 40, "dirty": True},
        share_s=0.5,
        checkpoints=[5, 9],
    )
    found = compared(base, new)
    assert set(map(str, found.versus.differences)) == {
        "torch 2.x → 3.x",
        "MKL_X none → 2",
        "numpy 2.0 → 2.1",
        "commit c0ffeec0ffee → dddddddddddd with local changes",
        "sampling 0.3 s an attempt → 0.5 s an attempt",
        "rounds 5 → 5 or 9",
    }
    assert found.changed_sources == 1


def made_with(folder: Path, **told: object) -> tuple[Run, Run]:
    """Make a pair 1 % apart whose `ab.json` says what it was made with."""
    both = make_pair(folder, [Made("v", 1e-3, 0.001)], [Made("v", 1.01e-3, 0.001)])
    path = folder / "ab.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **told}))
    return both


def test_a_comparison_is_judged_by_the_margin_it_was_made_with(tmp_path: Path) -> None:
    narrow = made_with(tmp_path / "narrow", margin=0.005)
    wide = made_with(tmp_path / "wide", margin=0.05)
    unsaid = made_with(tmp_path / "unsaid")
    assert row_of(compared(*narrow), "v").verdict == "slower"
    assert row_of(compared(*wide), "v").verdict == "same"
    assert [compared(*both).margin for both in (narrow, wide, unsaid)] == [0.005, 0.05, 0.02]
    assert "±0.5 % is the same." in how_judged(compared(*narrow))
    # nor do a side and another run have it, whose rounds are no pairs
    apart = make(tmp_path / "apart", [Made("v")])
    assert compared(narrow[0], apart).margin == 0.02


def test_another_margin_than_it_was_made_with_is_told(tmp_path: Path) -> None:
    both = made_with(tmp_path / "ab", margin=0.005)
    asked = compared(*both, margin=0.03)
    assert row_of(asked, "v").verdict == "same"
    told = how_judged(asked)
    assert "±3 % is the same (asked for now; it was made with ±0.5 %)" in told
    assert "asked for" not in how_judged(compared(*both, margin=0.005))


def test_suspects_that_nobody_confirmed_are_not_called_confirmed(tmp_path: Path) -> None:
    assert "suspects left unconfirmed" in how_judged(
        compared(*made_with(tmp_path / "never", confirm_pairs=0))
    )
    assert "suspects confirmed afresh" in how_judged(compared(*made_with(tmp_path / "ab")))


def test_a_damaged_pairing_is_refused(tmp_path: Path) -> None:
    for number, text in enumerate(("{", '{"margin": "wide"}', "[]")):
        both = make_pair(tmp_path / str(number), [Made("v")], [Made("v")])
        (tmp_path / str(number) / "ab.json").write_text(text)
        with pytest.raises(UserError, match=r"ab\.json: not a valid pairing"):
            compared(*both)
