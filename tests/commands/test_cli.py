"""The command as a user meets it: help, refusals in one line, exit codes, overrides."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from bench.cases.keywords import chooser
from bench.checking.compiler import out_of_reach
from bench.commands.run import parse_budget
from bench.errors import UserError
from bench.store import read
from tests.conftest import Bench

MINE = '''
from dataclasses import dataclass
import torch
from torch import nn
from bench import variant
from bench.module import ModuleProblem
from suites.attention.problem import SoftmaxAttention

@variant
def theirs(problem: SoftmaxAttention):
    """torch's own choice of backend."""
    def step(inputs):
        return torch.nn.functional.scaled_dot_product_attention(
            *inputs, is_causal=problem.causal, enable_gqa=True)
    return step

@dataclass(frozen=True)
class Mlp(ModuleProblem):
    batch: int = 8
    def module(self):
        return nn.Sequential(nn.Linear(16, 32), nn.GELU(), nn.Linear(32, 16))
    def example(self):
        return (torch.randn(self.batch, 16),)
'''


def test_help_has_examples(bench_here: Bench) -> None:
    top = bench_here("--help")
    assert top.returncode == 0
    for command in ("list", "run", "ab", "show", "report", "doctor"):
        assert command in top.stdout
        text = bench_here(command, "--help").stdout
        assert f"bench {command}" in text.split("Example", 1)[1]


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["run", "atention"], 2, "did you mean attention?"),
        (["run", "attention/sdpa_flush"], 2, "did you mean sdpa_flash"),
        (["run", "--set", "seqln=4"], 2, "did you mean seqlen"),
        (["run", "--set", "seqlen"], 2, "expected axis=value"),
        (["run", "--set", "head_dim=wide"], 2, "expected int, got 'wide'"),
        (["run", "--set", "seqlen=64,"], 2, "expected axis=value"),
        (["run", "--set", " =64"], 2, "expected axis=value"),
        (["run", "precision", "--fit", "8"], 2, "--fit '8': expected a size with its unit"),
        (["run", "precision", "--fit", "900TB"], 2, "--fit '900TB': expected at most"),
        (["run", "distributed", "-k", "AllReduce", "--fit", "1GB"], 3, "cases of one process"),
        (["run", "--set", "seqlen=1_024"], 2, "expected int, got '1_024'"),
        (["run", "--set", "seqlen=1e400"], 2, "expected numbers of at most"),
        (["run", "--set", "seqlen=9223372036854775808"], 2, "expected numbers of at most"),
        (["run", "--set", "data=x.npy"], 2, "expected a path as --data PATH"),
        (["run", "--data", "nowhere.npy"], 2, "expected a file or folder that can be read"),
        (["run", "--data", "x" * 300], 2, "expected a file or folder that can be read"),
        (["run", "--seed", "-1"], 2, "--seed"),
        (["run", "--timeout", "nan"], 2, "--timeout"),
        (["run", "--timeout", "inf"], 2, "--timeout"),
        (["ab", ".", ".", "--margin", "nan"], 2, "--margin"),
        (["ab", "attention/math", "attention/tiled[]"], 2, "every option once; got ''"),
        (["ab", "attention/math", "attention/tiled[block]"], 2, "got 'block'"),
        (["ab", "attention/math", "attention/tiled[block=1=2]"], 2, "got 'block=1=2'"),
        (["ab", "attention/math", "attention/tiled[block=1,block=2]"], 2, "every option once"),
        (["ab", "attention/math", "attention/tiled[block=1"], 2, "it is none"),
        (["compare", "nowhere", "--gate", ""], 2, "unknown gate ''"),
        (["ab", ".", ".", "--gate", "tim"], 2, "unknown gate 'tim'"),
        (["run", ".mine"], 2, "unknown suite '.mine'"),
        (["run", "mine..more"], 2, "unknown suite 'mine..more'"),
        (["run", "os.path"], 2, "is no package"),
        (["run", "attention/"], 2, "expected a pattern after '/'"),
        (["run", "attention/tiled[block=64]"], 2, "did you mean tiled?"),
        (["run", "--set", "head_dim=0"], 2, "expected head_dim of at least 1, got 0"),
        (["run", "--set", "num_kv_heads=3"], 2, "divisible by num_kv_heads"),
        (["run", "--set", "dtype=float8"], 2, "expected float32 or bfloat16"),
        (["run", "attention", "--set", "ranks=2"], 2, "runs in one process; expected 1"),
        (["run", "--preset", "standard", "--set", "seqlen=0"], 2, "nothing can be derived"),
        (["run", "--preset", "standard", "--set", "head_dim=wide"], 2, "expected int, got 'wide'"),
        (["run", "--set", "threads=0"], 2, "at least 1"),
        (["run", "--set", "pass=backward"], 2, "expected fwd or fwd_bwd"),
        (["run", "--preset", "smokey"], 2, "did you mean smoke?"),
        (["run", "--budget", "soon"], 2, "expected a time such as"),
        (["run", "--device", "cuda:77"], 2, "expected one of cpu"),
        (["run", "nowhere/mine.py"], 2, "no such file"),
        (["run", "no.such.package"], 2, "No module named"),
        (["run", "--resume", "nowhere"], 2, "no run folder at nowhere"),
        (
            ["run", "--resume", "nowhere", "attention"],
            2,
            "expected no other option or selector, got selectors",
        ),
        (["run", "--resume", "nowhere", "--rounds", "3"], 2, "got rounds"),
        (["run", "--frobnicate"], 2, "No such option"),
        (["show", "nowhere"], 2, "no run folder"),
        (["report", "tests"], 2, "has no run.json"),
        (["list", "-k", "no_such_word"], 3, "none of"),
    ],
)
def test_bad_input_is_one_line_and_an_exit_code(
    bench_here: Bench, words: list[str], code: int, complaint: str
) -> None:
    done = bench_here(*words)
    assert done.returncode == code
    assert complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("def broken(:\n", "mine.py, line 1: "),
        ("x = 1\nraise ValueError('no')\n", "mine.py, line 2: ValueError: no"),
        ("x = 1\n", "defines no variant"),
        (
            "from bench import variant\n@variant\ndef f(problem): ...\n",
            "annotated with the problem",
        ),
    ],
)
def test_a_bad_file_is_refused_with_its_line(
    bench_here: Bench, tmp_path: Path, source: str, complaint: str
) -> None:
    (tmp_path / "mine.py").write_text(source)
    done = bench_here("run", "mine.py", cwd=tmp_path)
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_an_unwritable_output_folder_is_refused(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = bench("run", "suites.faults/none", "--output", tmp_path / "file")
    assert done.returncode == 4
    assert "cannot write" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_overrides_replace_axes(bench_here: Bench) -> None:
    done = bench_here(
        "list",
        "attention/sdpa_flash",
        "-k",
        "SoftmaxAttention and num_heads=4 and causal=True",
        "--set",
        "seqlen=33,44",
        "--set",
        "dtype=bfloat16",
        "--set",
        "pass=fwd",
        "--device",
        "cpu",
    )
    ids = done.stdout.split()
    assert len(ids) == len(set(ids)) == 2
    assert all("sdpa_flash/" in i and "bfloat16/fwd/" in i for i in ids)
    assert "seqlen_q=33,seqlen_kv=33," in ids[0]


def test_an_option_is_an_axis(bench_here: Bench) -> None:
    done = bench_here(
        "list",
        "attention/tiled",
        "--set",
        "block=32,64",
        "--set",
        "seqlen=64",
        "--preset",
        "smoke",
        "-k",
        "bfloat16/fwd/",
    )
    assert [line.split("/")[1] for line in done.stdout.split()] == [
        "tiled[block=32]",
        "tiled[block=64]",
    ]


@pytest.mark.slow
def test_a_users_file_is_checked_and_raced(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    done = bench(
        "run",
        "mine.py",
        "attention/math",
        "--set",
        "seqlen=64",
        "--rounds",
        2,
        "--preset",
        "smoke",
        "-k",
        "float32/fwd/ and causal=True and not window or mlp and float32/fwd/",
        "--device",
        "cpu",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    rows = (folder / "results.csv").read_text()
    for name in ("attention,theirs", "attention,math", "mine,eager", "mine,compiled"):
        assert name in rows
    outcomes = pd.read_csv(folder / "results.csv").set_index("variant")["outcome"]
    if out_of_reach():
        assert outcomes.pop("compiled") == "unsupported"
    assert set(outcomes) == {"ok"}
    text = (folder / "run.json").read_text()
    assert '"module": "~' in text or f'"module": "{tmp_path}' in text


def test_the_largest_batch_that_fits_is_found_of_a_users_file(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    words = ("mine.py", "-k", "Mlp and eager", "--fit", "2MB", "--set", "rounds=0")
    done = bench("run", *words, "--device", "cpu", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    assert [a.role for a in read(folder).attempts] == ["check", "memory", "fit"]
    row = pd.read_csv(folder / "results.csv").iloc[0]
    assert row.fit_batch > 2 * row.batch
    assert row.fit_peak_bytes <= 2e6 < row.fit_peak_bytes + row.fit_row_bytes
    assert row.fit_predicted_bytes == pytest.approx(row.fit_peak_bytes, rel=1e-3)


@pytest.mark.parametrize(
    ("keyword", "expected"),
    [
        ("", True),
        ("flash", True),
        ("FLASH", True),
        ("math", False),
        ("not math", True),
        ("flash and bfloat16", True),
        ("flash and not bfloat16", False),
        ("math or float", True),
        ("math or not flash", False),
    ],
)
def test_keywords(keyword: str, expected: bool) -> None:
    case_id = "attention/sdpa_flash/SoftmaxAttention(n=1)/bfloat16/fwd"
    assert chooser(keyword)(case_id) == expected


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7200), ("5", 5)])
def test_budgets(text: str, seconds: float) -> None:
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["-5s", "0", "ten", "5 parsecs", "1e400s"])
def test_bad_budgets(text: str) -> None:
    with pytest.raises(UserError, match="expected a time"):
        parse_budget(text)


def test_two_files_of_one_name_are_refused(bench_here: Bench, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(MINE)
    done = bench_here("list", "a/mine.py", "b/mine.py", cwd=tmp_path)
    assert done.returncode == 2
    assert "both define attention/" in done.stderr


def test_a_neighbour_named_like_a_library_does_no_harm(bench_here: Bench, tmp_path: Path) -> None:
    (tmp_path / "random.py").write_text(MINE)
    done = bench_here("list", "random.py", "--preset", "smoke", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "attention/theirs/" in done.stdout


def test_a_selector_finds_the_end_of_a_name(bench_here: Bench) -> None:
    done = bench_here("list", "attention/efficient*", "--preset", "smoke")
    assert {line.split("/")[1] for line in done.stdout.split()} == {"sdpa_efficient"}
