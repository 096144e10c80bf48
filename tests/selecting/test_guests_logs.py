"""What users' files say is kept, whole or with its ends, and costs nothing else."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from bench.running.attempts import keep_log
from bench.sides.server import Server
from bench.system.log import KEPT_BYTES, Listener, read_log


def test_a_long_log_is_cut_in_the_middle_and_says_by_how_much(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "00001-time.txt"
    log.parent.mkdir()
    log.write_bytes(b"begun" + b"\xff" * 5_000_000 + b"ended")
    text = read_log(log)
    assert text.startswith("begun")
    assert text.endswith("ended")
    assert f"{5_000_010 - KEPT_BYTES} bytes are left out here" in text
    assert keep_log(log) == "logs/00001-time.txt"
    assert log.stat().st_size < 4 * KEPT_BYTES
    log.write_text("short é")
    assert read_log(log) == "short é"


FLOODS = """
from bench import variant
from suites.faults.problem import Double

def flood(inputs):
    import os
    print("begun", flush=True)
    while True:
        os.write(2, b"word " * 20_000)

@variant
def floods(problem: Double):
    return flood
"""


LEAVES = """
@variant
def leaves(problem: Double):
    return lambda inputs: exit("no moon")
"""


def test_a_log_holds_what_is_kept_while_a_step_floods_it(server: Server, tmp_path: Path) -> None:
    """A disk never sees what would be cut; where one stood when its time was up is in the log."""
    log = tmp_path / "log.txt"
    sizes: list[int] = []
    watch = threading.Event()

    def look() -> None:
        while not watch.wait(0.1):
            sizes.append(log.stat().st_size if log.exists() else 0)

    looking = threading.Thread(target=look)
    looking.start()
    reply = server.attempt(asked_of(tmp_path, FLOODS, "floods", timeout_s=2))
    watch.set()
    looking.join()
    assert reply["outcome"] == "timeout"
    assert 0 < max(sizes) <= KEPT_BYTES // 2
    said = log.read_text()
    assert log.stat().st_size <= KEPT_BYTES
    assert said.startswith("begun\nword word")
    assert "bytes are left out here" in said
    assert "in flood" in said


def test_a_listener_keeps_both_ends_and_counts_what_it_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    listener = Listener(str(log), 1256)
    said = bytes(range(48, 58)) * 1000
    for start in range(0, len(said), 700):
        os.write(listener.writer, said[start : start + 700])
        assert listener.listen()
        assert log.stat().st_size <= 500
    assert not listener.listen()
    assert not listener.at_end
    os.close(listener.writer)
    listener.close()
    assert listener.at_end
    assert (
        log.read_bytes()
        == said[:500] + "\n[… 9000 bytes are left out here …]\n".encode() + said[-500:]
    )


def test_a_log_that_cannot_be_written_costs_itself_only(tmp_path: Path) -> None:
    for log in (tmp_path / "nowhere" / "log.txt", Path("/dev/full")):
        listener = Listener(str(log))
        os.write(listener.writer, b"words")
        os.close(listener.writer)
        listener.close()
        assert listener.at_end


def test_a_step_that_leaves_is_a_crash_with_its_words(server: Server, tmp_path: Path) -> None:
    leaves = FLOODS[: FLOODS.index("def flood")] + LEAVES
    reply = server.attempt(asked_of(tmp_path, leaves, "leaves"))
    assert (reply["outcome"], reply["detail"]) == ("crash", "left by sys.exit('no moon')")


def asked_of(folder: Path, text: str, variant: str, timeout_s: float = 60) -> dict[str, Any]:
    """Write a guest's file into a folder; return the request that checks its variant there."""
    file = folder / "mine.py"
    file.write_text(text)
    case = {
        "suite": "mine",
        "variant": variant,
        "module": str(file),
        "problem": "Double",
        "values": {},
    }
    log = str(folder / "log.txt")
    return {"case": case, "role": "check", "timeout_s": timeout_s, "log": log}
