"""`--like`: shapes are read as models spell them, and what cannot be used is told in one line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, ClassVar

import pytest

from bench.errors import UserError
from bench.selecting.contestants import Contestants
from bench.selecting.discover import load_module, module_names, variants_of
from bench.selecting.like.config import model_of
from bench.selecting.like.given import GROUP, MOST_BYTES, model_like
from bench.selecting.like.taken import axes_like
from bench.selecting.listing import list_cases
from suites.attention.problem import SoftmaxAttention
from suites.faults.problem import Double
from tests.conftest import Bench
from tests.selecting.like_configs import FULL, READ, REFUSED, SLIDING, llama

PUBLISHED = {  # num_heads, num_kv_heads, head_dim, dim, as tables of these models' papers have them
    "llama-3.1-8b": (32, 8, 128, 4096),
    "qwen-2.5-7b": (28, 4, 128, 3584),
    "mistral-7b-v0.1": (32, 8, 128, 4096),
    "gemma-2-9b": (16, 8, 256, 3584),
    "pythia-6.9b": (32, 32, 128, 4096),
    "sd3-medium": (24, 24, 64, 1536),
}


@pytest.mark.parametrize("what", READ)
def test_shapes_are_read(what: str) -> None:
    config, expected = READ[what]
    model = model_of("a", config)
    assert {noun: model.shapes[noun] for noun in expected} == expected
    assert set(model.shapes) == set(model.read_from)


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_used_is_told_in_a_line(what: str) -> None:
    config, expected = REFUSED[what]
    with pytest.raises(UserError) as refused:
        model_of("my/config.json", config)
    said = str(refused.value)
    assert said.startswith("--like my/config.json: ")
    assert expected in said
    assert "\n" not in said


def test_a_mask_that_is_not_told_is_not_asked() -> None:
    assert "causal" not in model_of("a", llama(architectures=["LlamaModel"])).shapes


def test_what_may_change_a_shape_and_is_not_understood_is_named() -> None:
    config = llama(bos_token_id=1, torch_dtype="bfloat16", rms_norm_eps=1e-6, qk_layernorm=True)
    assert model_of("a", config).unknown == ["qk_layernorm"]
    assert model_of("a", {"text_config": config, "vision_config": {}}).unknown == [
        "vision_config",
        "qk_layernorm",
    ]


def test_what_scales_angles_is_named() -> None:
    scaled = {"rope_theta": 1e6, "rope_type": "yarn", "factor": 32.0}
    config = llama(rope_parameters={FULL: scaled, SLIDING: {"rope_type": "default"}})
    named = ["rope_parameters.rope_type", "rope_parameters.factor"]
    assert model_of("a", config).unknown == named
    assert "rope_base" not in model_of("a", llama()).shapes


def test_published_models_come_along() -> None:
    assert {point.name for point in entry_points(group=GROUP)} == set(PUBLISHED)
    for name, expected in PUBLISHED.items():
        model = model_like(name)
        nouns = ("num_heads", "num_kv_heads", "head_dim", "dim")
        assert tuple(model.shapes[noun][0] for noun in nouns) == expected
        assert model.unknown == []
    assert model_like("mistral-7b-v0.1").shapes["window"] == [4096]
    assert model_like("qwen-2.5-7b").shapes["window"] == [None]
    assert model_like("gemma-2-9b").shapes["window"] == [None, 4096]
    assert model_like("sd3-medium").shapes["causal"] == [False]


FILES: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"hidden_size: 64", "expected a configuration in JSON: Expecting value: line 1"),
    "cut off": (b'{"hidden_size": 64,', "expected a configuration in JSON: Expecting property"),
    "empty": (b"", "expected a configuration in JSON: Expecting value"),
    "bytes": (b"\xff\xfe\x00", "expected a configuration in JSON: 'utf-8' codec can't decode"),
    "a list": (b"[1, 2]", "expected an object of fields in JSON, got [1, 2]"),
    "null": (b"null", "expected an object of fields in JSON, got null"),
    "NaN": (b'{"hidden_size": NaN}', "NaN is no number in JSON"),
    "infinity": (b'{"hidden_size": -Infinity}', "-Infinity is no number in JSON"),
    "twice": (b'{"n_head": 4, "n_head": 8}', "n_head is there twice"),
    "endless brackets": (b"[" * 200_000, "expected a configuration in JSON: maximum recursion"),
    "too many digits": (b'{"n_head": ' + b"9" * 5000 + b"}", "expected a configuration in JSON"),
    "weights": (b" " * (MOST_BYTES + 1), "expected a config.json, got more than 4 MiB"),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_is_no_configuration_is_refused(what: str, tmp_path: Path) -> None:
    raw, expected = FILES[what]
    path = tmp_path / "config.json"
    path.write_bytes(raw)
    with pytest.raises(UserError) as refused:
        model_like(str(path))
    assert str(refused.value).startswith(f"--like {path}: {expected}") or (
        expected in str(refused.value)
    )
    assert len(str(refused.value)) < len(str(path)) + 400


def written(folder: Path, config: dict[str, Any]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return path


def test_a_folder_a_pipeline_and_a_marked_file_are_found(tmp_path: Path) -> None:
    path = written(tmp_path / "model", llama())
    assert model_like(str(tmp_path / "model")).shapes == model_like(str(path)).shapes
    written(tmp_path / "pipeline" / "transformer", llama(head_dim=4))
    assert model_like(str(tmp_path / "pipeline")).shapes["head_dim"] == [4]
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as some editors begin a file
    assert model_like(str(path)).shapes["num_heads"] == [8]


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for word, expected in (
        (str(tmp_path / "empty"), "expected config.json or transformer/config.json in the folder"),
        (str(tmp_path / "none.json"), "expected a config.json or its folder, there is none"),
        ("llama-3.1-8", "unknown model 'llama-3.1-8'; did you mean llama-3.1-8b"),
        ("~nobody_has_this/config.json", "in a home that nobody has"),
    ):
        with pytest.raises(UserError, match=r"^[^\n]*$") as refused:
            model_like(word)
        assert expected in str(refused.value)


def cases_like(
    package: str, config: dict[str, Any], *sets: str, pattern: str = "*"
) -> list[dict[str, Any]]:
    variants = [v for name in module_names(package) for v in variants_of(load_module(name))]
    group = Contestants(package.rpartition(".")[2], variants, {}, pattern)
    model = vars(model_of("m", config))
    request = {"sets": list(sets), "files": {}, "preset": "smoke", "like": model}
    return [case.values for case in list_cases(request, "cpu", [group])]


GEMMA = llama(model_type="gemma2", num_key_value_heads=4, head_dim=16, sliding_window=512)


def test_every_sweep_is_asked_in_the_shape() -> None:
    values = cases_like("suites.attention", GEMMA, "seqlen=256,1024", pattern="math")
    assert {(v["num_heads"], v["num_kv_heads"], v["head_dim"]) for v in values} == {(8, 4, 16)}
    windows = {(v["seqlen_q"], v["window"]) for v in values if "window" in v and "sinks" not in v}
    windows -= {(1, None)}  # a step of decoding: a cache of so many keys
    assert windows == {(256, None), (1024, None), (1024, 512)}  # one of 512 hides nothing of 256
    assert {v["causal"] for v in values} == {True}


def test_what_is_set_comes_before_it() -> None:
    values = cases_like("suites.attention", GEMMA, "head_dim=8", "window=none", pattern="math")
    found = {(v["head_dim"], v.get("window"), v["num_heads"]) for v in values}
    assert found == {(8, None, 8)}


def test_a_problem_may_refuse_a_shape() -> None:
    """Forms of linear attention are asked with the mask they are for, whatever the model's."""
    values = cases_like("suites.attention", GEMMA, pattern="linear")
    assert {(v["num_heads"], v["head_dim"], v["causal"]) for v in values} == {(8, 16, False)}


def test_what_a_model_does_to_queries_is_asked_beside(capsys: pytest.CaptureFixture[str]) -> None:
    """At every point of plain attention; what nothing here asks is told."""
    asked: dict[str, set[tuple[Any, ...]]] = {}
    for kind in ("llama", "qwen3", "olmo2"):
        config = llama(model_type=kind, head_dim=16, sliding_window=512)
        values = cases_like("suites.attention", config, "seqlen=1024", pattern="sdpa_flash")
        asked[kind] = {(v["causal"], v["window"]) for v in values if "spread" in v}
        plain = {(v["causal"], v["window"]) for v in values if v.keys() == plain_fields()}
        assert len(plain) >= 1
    assert asked == {"llama": set(), "qwen3": plain, "olmo2": set()}
    lines = capsys.readouterr().err.splitlines()
    assert "qk_norm" not in lines[0]
    assert "qk_norm=true (model_type)" in lines[1]
    assert lines[2].partition("not asked here: ")[2].endswith("qk_norm_across_heads")


def plain_fields() -> set[str]:
    return set(vars(SoftmaxAttention()))


def test_a_field_of_another_name_takes_what_it_says() -> None:
    @dataclass(frozen=True)
    class Layer(Double):
        width: int = 8
        num_heads: int = 2
        base: float = 1e4

        like: ClassVar[dict[str, str]] = {"width": "dim", "base": "rope_base", "num_heads": ""}

    model = model_of("m", llama(rope_theta=5e5))
    assert axes_like(model, Layer) == {"width": (64,), "base": (5e5,)}


def test_other_suites_take_what_they_have(capsys: pytest.CaptureFixture[str]) -> None:
    config = llama(vocab_size=100, qk_layernorm=True)
    values = cases_like("suites.precision", config, "num_layers=2", pattern="fp32")
    trained = [v for v in values if "dim" in v]
    assert {(v["dim"], v["num_heads"], v["num_layers"]) for v in trained} == {(64, 8, 2)}
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("like m: num_heads=8 (num_attention_heads), num_layers=6 (")
    assert "dim=64 (hidden_size)" in line
    assert line.endswith(
        "not asked here: num_kv_heads, head_dim, vocab_size, window, causal; unknown: qk_layernorm"
    )


def test_a_selection_that_takes_no_shape_is_refused() -> None:
    with pytest.raises(UserError, match="--like m: nothing that is selected takes any of num_he"):
        cases_like("suites.yardsticks", GEMMA, pattern="add")


def test_the_command_line_asks_like_it(bench_here: Bench, tmp_path: Path) -> None:
    path = written(tmp_path, GEMMA)
    words = ("attention/math", "--device", "cpu", "--preset", "smoke")
    told = bench_here("list", *words, "--like", path)
    assert told.returncode == 0, told.stderr
    assert "num_heads=8,num_kv_heads=4" in told.stdout
    assert f"like {path}: num_heads=8 (num_attention_heads), num_kv_heads=4" in told.stderr
    planned = bench_here("run", *words, "--like", "sd3-medium", "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert "num_heads=24,num_kv_heads=24" in planned.stdout
    assert "causal=False" in planned.stdout


def test_two_sides_say_it_once(bench_here: Bench, tmp_path: Path) -> None:
    words = ("attention/math", "attention/sdpa_math", "--preset", "smoke", "--device", "cpu")
    told = bench_here("ab", *words, "--like", written(tmp_path, GEMMA), "--dry-run")
    assert told.returncode == 0, told.stderr
    lines = [line for line in told.stderr.splitlines() if line.startswith("like ")]
    assert len(lines) == 1


def test_a_fault_of_the_file_is_a_usage_error(bench_here: Bench, tmp_path: Path) -> None:
    path = written(tmp_path, llama(num_attention_heads=7))
    for command in (("list",), ("run", "--dry-run"), ("ab", "HEAD", ".")):
        told = bench_here(*command, "attention", "--like", path)
        assert told.returncode == 2
        assert "hidden_size: 64 is not divisible by num_attention_heads 7" in told.stderr
        assert len(told.stderr.splitlines()) <= 2
