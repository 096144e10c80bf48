"""What lives below a process, and the quick answer where nothing can."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

ASKS = """
import json, os, subprocess, sys, time
from bench.system import process
process.adopt_orphans()
told = {"before": process.childless()}
{begin}
told["during"] = process.childless(), len(process.descendants(os.getpid())) > 0
{end}
told["after"] = process.childless(), len(process.descendants(os.getpid())) > 0
print(json.dumps(told))
"""
CHILD = "child = subprocess.Popen(['sleep', '60'])"
ORPHAN = """
middle = subprocess.Popen(["sh", "-c", "sleep 60 & echo $!"], stdout=subprocess.PIPE, text=True)
number = int(middle.stdout.readline())
middle.wait()
"""


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (CHILD, "child.kill(); child.wait()"),
        (ORPHAN, "os.kill(number, 9); os.waitpid(number, 0)"),
    ],
    ids=["a child", "an orphan that was adopted"],
)
def test_who_has_no_child_has_nothing_below(begin: str, end: str) -> None:
    code = ASKS.replace("{begin}", begin).replace("{end}", end)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == {
        "before": True,
        "during": [False, True],
        "after": [True, False],
    }
