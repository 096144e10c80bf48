"""Pages as a browser sees them, and text that tries to break out of one."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

HOSTILE = '</script><script>document.title="owned"</script><img src=x onerror="document.title=1">'


def strip_scripts(page: str) -> str:
    return re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.S)


def browse(page: Path, tmp_path: Path, script: str = "") -> str:
    """Open a page in headless Chromium and return its document once scripts have run.

    What its console has to complain of is a failure.
    """
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        if "CI" in os.environ:
            pytest.fail("CI must install chromium")
        pytest.skip("no chromium on this machine")
    done = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=10000",
            "--dump-dom",
            f"file://{page}",
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert not re.findall(r"CONSOLE.*(?:Error|Uncaught|Refused).*", done.stderr)
    return done.stdout


def expect_links(pages: Sequence[Path]) -> None:
    """Expect every link of pages to lead to a file beside them, or to a place of their own."""
    for page in pages:
        body = strip_scripts(page.read_text())
        targets = re.findall(r'href="([^"]+)"', body)
        assert targets
        for target in targets:
            name, _, anchor = target.partition("#")
            assert (page.parent / name).exists() if name else f'id="{anchor}"' in body, target
