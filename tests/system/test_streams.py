"""Standard streams that are closed, cut or full never end a command."""

from __future__ import annotations

import os
import sys

import pytest

from bench.system.streams import Outlet, settled
from tests import children


def test_a_reader_that_leaves_is_no_failure() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    outlet = Outlet(writer)
    assert outlet.write(b"word") == 4
    assert outlet.write(b"word") == 4
    assert outlet.failure is None
    os.close(writer)


def test_a_full_disk_is_a_failure_that_is_kept() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    outlet = Outlet(full)
    assert outlet.write(b"word") == 4
    assert outlet.failure is not None
    assert "No space left" in str(outlet.failure)
    os.close(full)


def test_who_does_not_want_to_wait_is_waited_for() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    words = b"x" * (1 << 20)  # more than a pipe holds

    def work() -> int:
        os.close(reader)
        return Outlet(writer).write(words) != len(words)

    pid = children.start(work)
    os.close(writer)
    got = 0
    while chunk := os.read(reader, 1 << 16):
        got += len(chunk)
    os.close(reader)
    assert children.end(pid) == 0
    assert got == len(words)


def test_streams_of_others_stay(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with settled() as outlets:
        assert (sys.stdout, sys.stderr) == before
        print("word")
    assert outlets == []
    assert capsys.readouterr().out == "word\n"


@pytest.mark.parametrize("descriptor", [0, 1, 2])
def test_what_is_closed_is_opened(descriptor: int) -> None:
    """The next file must not become a child's output."""

    def work() -> None:
        os.close(descriptor)
        with settled():
            opened = os.open(os.devnull, os.O_RDONLY)
        assert opened > 2
        assert os.get_inheritable(descriptor)

    assert children.end(children.start(work)) == 0
