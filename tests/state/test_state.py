"""What ran in another setting than its label says is flagged with the setting that it had."""

from __future__ import annotations

import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from bench.cases.case import Case
from bench.cases.flags import OTHER_SETTING
from bench.checking.operator import Operator
from bench.sides.server import Server
from bench.state import Kept
from bench.state.of_torch import decide_at_once
from bench.workers.worker import SET_BY_A_CASE
from tests.conftest import ServerFor
from tests.state_cases import ACCUSED, PROBLEM

HONEST = {
    "plain": "return product",
    "same_threads": "torch.set_num_threads(1)\nreturn product",
    "within_a_call": """
def step(tensors):
    with torch.no_grad(), torch.autocast("cpu", enabled=False):
        return product(tensors)
return step""",
    "seeded": "torch.manual_seed(3)\nreturn product",
    "an_idle_pool": "pool = ThreadPoolExecutor(2); pool.submit(int).result()\nreturn product",
    "an_idle_child": 'child = subprocess.Popen(["sleep", "60"])\nreturn product',
    "a_framework_sets_its_own": 'os.environ["DS_ACCELERATOR"] = "cpu"\nreturn product',
    "no_collector": "gc.disable()\nreturn product",
}


@pytest.fixture(name="server")
def _server(server_for: ServerFor) -> Server:
    """Return a server as an operator's cases have it."""
    return server_for(Operator.preload)


def written(folder: Path, bodies: dict[str, str], top: str = "", marks: str = "@variant") -> Path:
    """Write a file of variants of `Square`."""
    text = PROBLEM + top
    for name, body in bodies.items():
        text += f"\n{marks}\ndef {name}(problem: Square):\n" + textwrap.indent(body.strip(), "    ")
        text += "\n"
    path = folder / "mine.py"
    path.write_text(text)
    return path


def timed(server: Server, path: Path, name: str, **case: Any) -> dict[str, Any]:
    """Check a variant and time it."""
    own = asdict(Case("mine", name, str(path), "Square", {"n": 256}, **case))
    asked = {"case": own, "timeout_s": 60, "share_s": 0.08, "log": str(path.with_suffix(".txt"))}
    checked = server.attempt({**asked, "role": "check"})
    assert checked["outcome"] == "ok", checked
    kept = {name: checked[name] for name in ("fingerprints", "tolerances")}
    return server.attempt({**asked, "role": "time", **kept})


@pytest.fixture(scope="module")
def accused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    bodies = {name: body for name, (body, _) in ACCUSED.items()}
    return written(tmp_path_factory.mktemp("accused"), bodies)


@pytest.mark.parametrize("name", ACCUSED)
def test_another_setting_is_flagged(server: Server, accused: Path, name: str) -> None:
    found = timed(server, accused, name)
    assert found["outcome"] == "ok", found
    assert OTHER_SETTING in found["flags"], found["labels"]
    assert ACCUSED[name][1] in found["detail"]


@pytest.mark.parametrize("name", HONEST)
def test_who_keeps_the_setting_is_not(server: Server, tmp_path: Path, name: str) -> None:
    found = timed(server, written(tmp_path, HONEST), name)
    assert found["outcome"] == "ok", found
    assert OTHER_SETTING not in found["flags"], found["detail"]


@pytest.mark.parametrize("case", [{"threads": 2}, {"pass_": "fwd_bwd"}, {"dtype": "bfloat16"}])
def test_threads_that_were_asked_for_may_run(server: Server, tmp_path: Path, case: Any) -> None:
    found = timed(server, written(tmp_path, {"plain": "return product"}), "plain", **case)
    assert OTHER_SETTING not in found["flags"], found["detail"]


def test_a_files_first_lines_hurt_no_variant_in_it(server: Server, tmp_path: Path) -> None:
    top = """
torch.set_num_threads(2); torch.set_num_interop_threads(3)
torch.set_default_dtype(torch.float64); torch.set_float32_matmul_precision("medium")
torch.set_flush_denormal(True); torch.set_grad_enabled(False); gc.disable()
os.sched_setaffinity(0, {0}); os.environ["MKL_NUM_THREADS"] = "2"
"""
    found = timed(server, written(tmp_path, {"plain": "return product"}, top), "plain")
    assert OTHER_SETTING not in found["flags"], found["detail"]
    for words in ("threads=2 where 1", "default_dtype=float64", "MKL_NUM_THREADS=2", "medium"):
        assert words in found["labels"]["put_back"]
    ran = {m["quantity"]: m["samples"] for m in found["measurements"]}["threads_ran"]
    assert ran[0] <= 1.05


def test_a_variant_may_be_made_of_what_it_declares(server: Server, tmp_path: Path) -> None:
    bodies = {
        "declared": 'torch.set_float32_matmul_precision("high")\nreturn product',
        "more": "torch.set_num_threads(2)\nreturn product",
    }
    path = written(tmp_path, bodies, marks='@variant(sets=["precision"])')
    found = timed(server, path, "declared")
    assert OTHER_SETTING not in found["flags"], found["detail"]
    assert "float32_matmul_precision=high" in found["labels"]["switches"]
    assert OTHER_SETTING in timed(server, path, "more")["flags"]


def test_a_restriction_that_lives_as_long_as_its_variant_is_kept(
    server: Server, tmp_path: Path
) -> None:
    body = """
from torch.nn.attention import SDPBackend, sdpa_kernel
class Forced:
    def __init__(self):
        self.restriction = sdpa_kernel(SDPBackend.MATH)
        self.restriction.__enter__()
    def step(self, tensors):
        return product(tensors)
return Forced()"""
    path = written(tmp_path, {"forced": body}, marks='@variant(sets=["attention"])')
    found = timed(server, path, "forced")
    assert OTHER_SETTING not in found["flags"], found["detail"]
    assert "sdpa_flash=off" in found["labels"]["switches"]


def test_a_failure_names_the_state_it_came_of(server: Server, tmp_path: Path) -> None:
    body = 'torch.set_default_device("meta")\nreturn product'
    own = asdict(Case("mine", "v", str(written(tmp_path, {"v": body})), "Square", {"n": 8}))
    asked = {"case": own, "role": "check", "timeout_s": 60, "log": str(tmp_path / "log.txt")}
    found = server.attempt(asked)
    assert found["outcome"] == "error"
    assert "default_device=meta where cpu was asked" in found["detail"]


def test_what_torch_decides_by_itself_accuses_nobody() -> None:
    """A GPU's first choice between kernels sets their order, as on Hopper."""
    order = torch._C._get_sdp_priority_order()
    kept = Kept()
    try:
        kept.begun(SET_BY_A_CASE)
        kept.settled(lambda: torch._C._set_sdp_priority_order([3, 1, 2, 0, 4]))
        kept.imported()
        kept.built()
        kept.called()
        assert (kept.flags, kept.labels) == ([], {})
        torch._C._set_sdp_priority_order([0, 1, 2, 3, 4])
        kept.called()
        assert kept.flags == [OTHER_SETTING]
    finally:
        torch._C._set_sdp_priority_order(order)


def test_torch_is_asked_to_choose_between_kernels_of_attention(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(torch, "_fused_sdp_choice", lambda *qkv: asked.append(qkv))
    decide_at_once("cpu")
    ((q, k, v),) = asked
    assert {q.device.type, k.device.type, v.device.type} == {"cpu"}
