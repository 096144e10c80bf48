"""What ranks wait for: a sleeping rank is waited for, and collectives are called again alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from bench.cases.setting import Setting
from suites.distributed import exposed
from suites.distributed.problem import DataParallelTraining
from tests.conftest import ServerFor
from tests.suites.trained_by_ranks import training

ALONE = Setting(torch.float32, torch.device("cpu"))


@pytest.fixture
def alone() -> Iterator[None]:
    """Run as a process group of one."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


def overheads(name: str, server_for: ServerFor, folder: Path) -> dict[str, list[float]]:
    case = replace(training(name, "tests.suites.waiting_ranks"), problem="Waited")
    request = {"case": asdict(case), "role": "check", "timeout_s": 120}
    reply = server_for(DataParallelTraining.preload).attempt(
        {**request, "log": str(folder / "log.txt")}
    )
    assert reply["outcome"] == "ok", reply
    told = [m for m in reply["measurements"] if m["unit"] == "1"]
    assert all(m["rank"] is None for m in told)  # all ranks say the same
    return {m["quantity"]: m["samples"] for m in told}


@pytest.mark.multirank
def test_a_rank_that_sleeps_is_waited_for(server_for: ServerFor, tmp_path: Path) -> None:
    """No clock of the wall decides: sleeping is no computing, on however busy a machine."""
    found = overheads("late", server_for, tmp_path)
    (share,) = found["exposed_share"]
    assert 0.5 < share <= 1
    assert found["bare_over_step"][0] > 0
    assert 0 <= found["busy_spread"][0] < 1


@pytest.mark.multirank
@pytest.mark.slow
def test_an_engine_of_many_calls_is_called_again(server_for: ServerFor, tmp_path: Path) -> None:
    assert overheads("sharded", server_for, tmp_path)["bare_over_step"][0] > 0


@pytest.mark.usefixtures("alone")
def test_collectives_are_called_again_on_numbers_of_their_own() -> None:
    whole, part = torch.ones(30), torch.ones(30, dtype=torch.bfloat16)
    with exposed.Recorded() as recorded:
        dist.all_reduce(whole)
        dist.all_gather([whole], torch.ones(30))
        dist.all_gather([part], torch.ones(30, dtype=torch.bfloat16))
        dist.reduce_scatter(whole, [torch.ones(30)])
        dist.broadcast(part, 0)
        dist.barrier()
    assert len(recorded.calls) == 5
    assert not any(isinstance(one, torch.Tensor) for call in recorded.calls for one in call[1])
    whole.fill_(7)
    assert exposed._alone(recorded.calls, ALONE) > 0
    assert bool((whole == 7).all())


@pytest.mark.parametrize("setting", [ALONE, Setting(torch.float32, torch.device("cuda"), ranks=2)])
def test_what_no_clock_can_tell_is_left_out(setting: Setting) -> None:
    assert exposed.overheads(None, None, setting) == []
