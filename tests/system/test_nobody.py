"""A user whom the system does not know."""

from __future__ import annotations

import getpass
import os
import pwd
from pathlib import Path

import pytest

from bench.system import nobody


def unknown(number: int) -> pwd.struct_passwd:
    raise KeyError(f"getpwuid(): uid not found: {number}")


def test_one_without_a_home_or_a_name_gets_both(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "x")  # restored in the end
        monkeypatch.delenv(name)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(RuntimeError):
        Path.home()
    nobody.introduce()
    assert Path.home() == Path(nobody.NO_HOME)
    assert not Path.home().exists()
    assert getpass.getuser() == str(os.getuid())


def test_one_who_is_known_stays_who_they_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "someone")
    nobody.introduce()
    assert (Path.home(), getpass.getuser()) == (tmp_path, "someone")
