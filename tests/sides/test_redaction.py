"""Paths are hidden without loss: whatever a path holds, a run finds it again."""

from __future__ import annotations

import os
import random
from dataclasses import asdict
from pathlib import Path

import msgspec
import pytest

from bench.cases.case import Case
from bench.machine.facts import settings
from bench.sides.checkout import at_work, publishable, published
from bench.sides.redaction import Redaction
from bench.sides.side import Copy, Side
from bench.system.own import ROOT

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


UUID = "12345678-1234-1234-1234-123456789abc"


@pytest.mark.parametrize(
    "told",
    [
        f"GPU-{UUID}",
        f"MIG-{UUID}",
        f"MIG-GPU-{UUID}/1/0",
        UUID,
        "GPU-1234abcd",
        "GPU-8e12-17",
        "00000000:3B:00.0",
        "0000:3b:00.0",
    ],
)
def test_what_tells_devices_apart_is_hidden_in_what_programs_said(told: str) -> None:
    left = publishable(f"NCCL WARN at ({told}): failed")
    assert left in ("NCCL WARN at (<device>): failed", "NCCL WARN at (<bus>): failed")
    assert publishable("nvmlDev 0 busId 3b000") == "nvmlDev 0 busId <bus>"


def test_what_only_looks_like_a_device_stays() -> None:
    kept = (
        "at 10:20:30.4, 2026-11-26T03:00:00, cuDNN 9.10.2, GPU-hours, GPU-feedback, 1 GPU-0, "
        "sha 1a2b3c4d, 03:25.4, busIdle"
    )
    assert publishable(kept) == kept


def test_another_gpu_is_another_setting() -> None:
    one, other = (settings({"CUDA_VISIBLE_DEVICES": f"GPU-{i}{UUID[1:]}"}) for i in (1, 2))
    assert UUID[1:] not in f"{one}{other}"
    assert one != other
