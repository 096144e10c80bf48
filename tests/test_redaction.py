"""Paths are hidden without loss: whatever a path holds, a run finds it again."""

from __future__ import annotations

import os
import random
from dataclasses import asdict
from pathlib import Path

import msgspec
import pytest

from bench.case import Case
from bench.checkout import at_work, publishable, published
from bench.redaction import Redaction
from bench.side import ROOT, Copy, Side

HIDDEN = Redaction(
    {".": "/home/zoë/touch stone", "<env>": "/home/zoë/touch stone/.venv", "~": "/home/zoë"},
    {"<host>": "box-7", "<user>": "zoë"},
)
PIECES = (
    *("~", "~1", ".", "..", "<env>", "<user>", "<host>", "<", ">", "%", "%7E", "%7", "%%41", "E9"),
    *(
        "a b",
        "é",
        "zoë",
        "zoës",
        "box-7",
        "box-71",
        "x.npy",
        "mine.py",
        "\n",
        "\x7f",
        "",
        "\\",
        "user",
    ),
    *(os.fsdecode(bytes([byte])) for byte in (0x80, 0xE9, 0xFF)),
)


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("/data/run~1/mine.py", "/data/run~1/mine.py"),
        ("/home/zoë/x.npy", "~/x.npy"),
        ("/home/zoë", "~"),
        ("/home/zoës/x.npy", "/home/zoës/x.npy"),
        ("/home/zoë/touch stone/suites/x.py", "./suites/x.py"),
        ("/scratch/zoë/<env>/.", "/scratch/<user>/%3Cenv>/."),
        ("/mnt/box-7/~/x", "/mnt/<host>/~/x"),
        ("~/x.npy", "%7E/x.npy"),
        ("./x.npy", "%2E/x.npy"),
        ("<env>/x", "%3Cenv>/x"),
        ("~", "%7E"),
        ("posterior", "posterior"),
        ("zoë", "zoë"),  # a value that is no path may be called like a user
        ("50%", "50%25"),
        ("/caf\udce9/x", "/caf%E9/x"),
        ("", ""),
    ],
)
def test_a_path_is_hidden_and_shown(path: str, written: str) -> None:
    assert HIDDEN.hide(path) == written
    assert HIDDEN.show(written) == path


def test_every_path_comes_back() -> None:
    lot = random.Random(7)
    beginnings = ("", "/", "./", "~/", *HIDDEN.folders, *HIDDEN.folders.values())
    for _ in range(20_000):
        names = [
            "".join(lot.choices(PIECES, k=lot.randint(0, 3))) for _ in range(lot.randint(0, 4))
        ]
        path = lot.choice(beginnings) + "/".join(names)
        written = HIDDEN.hide(path)
        assert HIDDEN.show(written) == path
        assert not path.startswith("/home/zoë/") or not written.startswith("/home")
        assert "/zoë/" not in written
        assert written.isprintable()
        assert msgspec.json.decode(msgspec.json.encode(written)) == written


@pytest.mark.parametrize(
    "folder", [Path.home(), Path("/data/run~1/a b/é/%41"), ROOT, Path(os.fsdecode(b"/d/caf\xe9"))]
)
def test_a_case_finds_its_files_again(folder: Path) -> None:
    case = Case(
        "mine", "mine", str(folder / "mine.py"), "Mine",
        {"data": str(folder / "<env>/x.npy"), "size": 3, "name": "~"},
        options={"table": str(folder / "./~/t")},
    )  # fmt: skip
    written = published(case)
    assert at_work(written) == asdict(case)
    assert f"{Path.home()}/" not in written.module + written.id
    assert msgspec.json.decode(msgspec.json.encode(written), type=Case) == written


def test_a_sides_module_is_named_by_its_repository_and_found_in_the_copy() -> None:
    side = Side(copy=Copy(Path("/repo~1/é"), Path("/copies/~/A")))
    case = Case("mine", "mine", "/copies/~/A/sub/mine.py", "Mine", {"data": "/repo~1/é/x.npy"})
    written = published(case, side)
    assert written.module == "/repo~1/é/sub/mine.py"
    assert at_work(written, side) == asdict(case)


def test_text_that_no_file_can_hold_is_still_told() -> None:
    assert publishable("no /d/caf\udce9/x.npy, \ud800") == "no /d/caf%E9/x.npy, %00"
