"""A user's data is judged when it is given: one line, before anything is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Bench

TEXT = "It was a bright cold day in April, and the clocks were striking thirteen.\n" * 9


def images(low: float = -1) -> np.ndarray:
    return np.random.default_rng(0).uniform(low, 1, (12, 1, 6, 6))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "book.txt").write_text(TEXT)
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "blank.txt").write_text(" \n" * 500)
    (tmp_path / "short.txt").write_text("It was.")
    (tmp_path / "latin.txt").write_bytes("é".encode("latin-1") * 500)
    (tmp_path / "wide.txt").write_bytes(TEXT.encode("utf-16"))
    np.save(tmp_path / "images.npy", images())
    np.save(tmp_path / "bright.npy", images(low=0))
    (tmp_path / "folder.npy").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["precision", "--data", "empty.txt", "-k", "GPT"], "0 bytes with nothing in them"),
        (["precision", "--data", "blank.txt", "-k", "GPT"], "1000 bytes with nothing in them"),
        (["precision", "--data", "short.txt", "-k", "GPT"], "more than seqlen=64 characters"),
        (["precision", "--data", "latin.txt", "-k", "GPT"], "expected text in UTF-8"),
        (["precision", "--data", "wide.txt", "-k", "GPT"], "expected text in UTF-8"),
        (["precision", "--data", "images.npy", "-k", "GPT"], "expected text in UTF-8"),
        (["precision", "--data", "book.txt"], "UNetTraining: "),
        (["precision", "--data", "images.npy"], "GPTTraining: "),
        (["precision", "--data", "bright.npy", "-k", "UNet"], "from [0, 1] by 2 x - 1"),
        (
            ["samplers", "--data", "bright.npy", "--set", "ground=posterior"],
            "from [0, 1] by 2 x - 1",
        ),
        (["samplers", "--data", "images.npy"], "mixture takes no data"),
        (["samplers", "--inception", "book.txt", "--set", "ground=posterior"], "torch cannot read"),
        (["samplers", "--data", "folder.npy", "--set", "ground=posterior"], "got an empty folder"),
    ],
)
def test_what_is_unfit_is_refused(
    bench_here: Bench, folder: Path, words: list[str], complaint: str
) -> None:
    done = bench_here("run", *words, "--preset", "smoke", cwd=folder)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["precision", "--data", "book.txt", "-k", "GPT"],
        ["precision", "--data", "images.npy", "-k", "UNet"],
        ["samplers", "--data", "images.npy", "--set", "ground=posterior"],
    ],
)
def test_what_is_fit_is_listed(bench_here: Bench, folder: Path, words: list[str]) -> None:
    done = bench_here("list", *words, "--preset", "smoke", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert f"{words[2]}" in done.stdout
