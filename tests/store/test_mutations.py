"""Damaged folders: commands end in an answer or a refusal, and no change is unseen."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks import damage, folders, mutations
from benchmarks.damage import Damage
from benchmarks.mutations import Tried
from benchmarks.readers import FAILED, Came

QUICK = ("show", "claims", "resume", "compare ab", "compare, selftests")


def expect_sound(found: list[Tried]) -> None:
    failed = [
        (one.sample, one.damage.kind, one.damage.what, came.command, came.told)
        for one in found
        for came in one.came
        if came.outcome == FAILED
    ]
    assert not failed
    assert not [(one.sample, one.damage.kind, one.damage.what) for one in found if one.unseen]


def test_damaged_folders_are_read_or_refused() -> None:
    found = list(mutations.play(48, seed=1, names=QUICK))
    expect_sound(found)
    outcomes = {came.outcome for one in found for came in one.came}
    assert outcomes == {"read", "refused"}
    assert {one.sample for one in found} > {"today", "comparison", "selftests"}
    assert sum(one.damage.structural for one in found) > 4


@pytest.mark.slow
def test_thousands_of_damaged_folders_are_read_or_refused_by_every_command() -> None:
    expect_sound(list(mutations.play(2000, seed=2)))


@pytest.mark.parametrize("way", mutations.WAYS)
def test_every_way_to_damage_a_folder_changes_it(way: mutations.Damages, tmp_path: Path) -> None:
    (sample, *_) = folders.build(tmp_path)
    before = {name: (sample.folder / name).read_bytes() for name in sample.files}
    for one in way(sample.files, sample.folder, random.Random(1), 12):
        one.apply(sample.folder)
        changed = [name for name in sample.files if not _is(sample.folder / name, before[name])]
        assert len(changed) <= 1, one
        for name in changed:
            _restore(sample.folder / name, before[name])


def _is(path: Path, data: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


def _restore(path: Path, data: bytes) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    path.unlink(missing_ok=True)
    path.write_bytes(data)


def test_a_failure_and_a_change_unseen_miss_their_targets() -> None:
    sound = Tried("today", Damage("value", "x", lambda _: None), [Came("show", "read")], False)
    broken = Tried("today", sound.damage, [Came("show", FAILED, "KeyError")], False)
    unseen = Tried("today", Damage("line", "x", lambda _: None, True), [], True)
    assert [t.met for t in mutations.targets([sound])] == [None, True, True]
    assert [t.met for t in mutations.targets([sound, broken])] == [None, False, True]
    assert [t.met for t in mutations.targets([sound, unseen])] == [None, True, False]
    (row,) = mutations.rows([sound, broken])
    assert (row["copies"], row["read"], row["refused"], row["failed"]) == (2, 1, 0, 1)


def test_what_places_are_damaged_is_all_there_is() -> None:
    document = {"a": [{"b": 1}, {"c": None}, {"d": 2}], "e": {}}
    assert set(damage._paths(document)) == {
        ("a",),
        ("a", 0),
        ("a", 0, "b"),
        ("a", 1),
        ("a", 1, "c"),
        ("a", 2),
        ("a", 2, "d"),
        ("e",),
    }
