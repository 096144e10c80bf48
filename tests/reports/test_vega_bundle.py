"""The script that draws charts is made once for a version, and believed only as it was made."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports import template


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count how often the script is made, with an empty cache."""
    made: list[str] = []

    def make() -> str:
        made.append("é = `\r\n`;")
        return made[-1]

    monkeypatch.setattr(template, "_made_vega_bundle", make)
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path))
    return made


def test_it_is_made_once(made: list[str]) -> None:
    assert template.vega_bundle() == template.vega_bundle() == made[0]
    assert len(made) == 1


def test_what_was_damaged_is_made_anew(made: list[str], tmp_path: Path) -> None:
    template.vega_bundle()
    (kept,) = tmp_path.iterdir()
    for damaged in (b"", b"\xff\xfe", kept.read_bytes()[:-1], kept.read_bytes() + b"alert(1)"):
        kept.write_bytes(damaged)
        assert template.vega_bundle() == made[0]
    assert len(made) == 5


def test_it_is_made_where_nothing_can_be_kept(
    made: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOUCHSTONE_CACHE", str(tmp_path / "file" / "below"))
    (tmp_path / "file").touch()
    assert template.vega_bundle() == made[0]
