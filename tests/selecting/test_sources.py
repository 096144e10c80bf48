"""A contestant is all the source it imports: a change in any of it is another contestant."""

from __future__ import annotations

from pathlib import Path

from bench.selecting.sources import ROOT, _reached, hash_of


def test_what_is_imported_at_any_depth_counts() -> None:
    strategy = ROOT / "suites/distributed/zero1.py"
    reached = {str(path.relative_to(ROOT)) for path in _reached(frozenset({strategy}))}
    assert {
        "suites/distributed/zero1.py",
        "suites/distributed/strategy.py",
        "suites/distributed/accounting.py",
        "suites/distributed/deepspeed_engine.py",
        "suites/models/gpt.py",
    } <= reached
    assert not any(path.startswith("bench/") for path in reached)
    assert "suites/distributed/zero2.py" not in reached


def test_a_package_whose_modules_are_imported_by_name_counts() -> None:
    reached = _reached(frozenset({ROOT / "suites/samplers/ddim.py"}))
    assert ROOT / "suites/samplers/grounds/posterior.py" in reached


def test_a_change_in_a_neighbour_changes_the_hash(tmp_path: Path) -> None:
    mine, neighbour = tmp_path / "mine.py", tmp_path / "neighbour.py"
    mine.write_text("def f():\n    from neighbour import (\n        helper,\n    )\n")
    neighbour.write_text("helper = 1\n")
    before = hash_of(frozenset({mine}))
    hash_of.cache_clear()
    neighbour.write_text("helper = 2\n")
    assert hash_of(frozenset({mine})) != before
