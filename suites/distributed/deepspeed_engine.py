"""DeepSpeed's ZeRO engine, as its three stages share it (Rajbhandari et al., arXiv:1910.02054).

Whatever the dtype of the model, the engine keeps float32 master weights of its own, partitioned
like the optimizer states: in float32 that is a copy which the paper's count does not have, in mixed
precision it is the paper's own.
"""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from bench import Setting, Unsupported
from suites.distributed.adam import ADAMW, adam_bytes
from suites.distributed.strategy import Strategy
from suites.distributed.workload import Batch, Workload

BUCKET_ELEMENTS = 500_000  # the engine's default, 5e8, would reserve 2 GB


class DeepSpeedStrategy(Strategy):
    """Trains through `engine(…)`, `engine.backward(…)`, `engine.step()`."""

    zero_options: ClassVar[dict[str, Any]] = {}

    def __init__(self, problem: Workload, setting: Setting, **given: Any):
        self.given = given  # of ZeRO's options, beside the strategy's own
        super().__init__(problem, setting)

    def wrap(self, network: nn.Module) -> None:
        deepspeed = import_deepspeed(self.setting)
        self.network = network
        tables = [(table, table.clone()) for table in network.buffers()]
        self.engine, *_ = deepspeed.initialize(
            model=network,
            optimizer=torch.optim.AdamW(network.parameters(), **ADAMW),
            config=self._config(),
            dist_init_required=False,
        )
        for table, before in tables:  # the engine casts those too, which no other strategy does
            table.data = before

    def _config(self) -> dict[str, Any]:
        zero = {
            "stage": self.stage,
            "reduce_bucket_size": BUCKET_ELEMENTS,
            "allgather_bucket_size": BUCKET_ELEMENTS,
            "overlap_comm": False,
            **self.zero_options,
            **self.given,
        }
        return {
            "train_batch_size": self.problem.batch,
            "train_micro_batch_size_per_gpu": self.problem.batch // self.setting.ranks,
            "zero_optimization": zero,
            "bf16": {"enabled": self.problem.mixed},
            "gradient_clipping": 0.0,  # the engine's default of 1 is another training step
            "zero_force_ds_cpu_optimizer": False,  # all take torch's AdamW, offloaded or not
            "steps_per_print": 1 << 30,
        }

    def forward(self, batch: Batch) -> Tensor:
        return self.problem.loss(self.engine, batch.rows)

    def backward(self, found: Tensor) -> None:
        self.engine.backward(found)

    def update(self) -> None:
        self.engine.step()

    @property
    def updater(self) -> torch.optim.Optimizer:
        own: torch.optim.Optimizer = self.engine.optimizer.optimizer
        return own

    def restore(self, seed: int) -> None:
        """Write initial weights into the engine: another one would live beside what is left of it.

        Its hooks on autograd's nodes keep an engine of stage 3 alive even when it is destroyed.
        """
        initial = self.first(seed).parameters()
        with self.whole_parameters() as parameters, torch.no_grad():
            for parameter, value in zip(parameters, initial, strict=True):
                parameter.copy_(value)
        self.engine.optimizer.refresh_fp32_params()
        self.updater.state.clear()

    @contextmanager
    def whole_parameters(self) -> Iterator[list[nn.Parameter]]:
        """Give every parameter its full shape; what is written into it on exit is kept."""
        yield list(self.network.parameters())

    def release(self) -> None:
        self.engine.destroy()
        del self.engine, self.network
        gc.collect()


def import_deepspeed(setting: Setting) -> Any:
    """Import DeepSpeed for this device, quiet, and without compiling anything.

    On CPU it would build a shared-memory library at its first use: a minute, and a lock that
    outlives a kill and hangs the next run. It talks through the process group that is there. On a
    GPU its table of what can be built is not asked for: that runs nvcc.
    """
    import logging

    os.environ.setdefault("DS_ACCELERATOR", "cpu" if setting.device.type == "cpu" else "cuda")
    import deepspeed
    from deepspeed.utils import logger

    logger.setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch.distributed")
    if setting.device.type == "cpu":
        from deepspeed.ops import __compatible_ops__

        __compatible_ops__["deepspeed_shm_comm"] = False
    deepspeed.init_distributed(dist_backend=_backend(setting), auto_mpi_discovery=False)
    return deepspeed


def _backend(setting: Setting) -> str:
    return "gloo" if setting.device.type == "cpu" else "nccl"


def offloaded(setting: Setting, offload: str | None, kinds: tuple[str, ...]) -> dict[str, Any]:
    """Return ZeRO's options that keep states on the host, of what a stage partitions.

    Rajbhandari et al. 2021, ZeRO-Infinity (arXiv:2104.07857); Ren et al. 2021, ZeRO-Offload
    (arXiv:2101.06840). Unsupported on a CPU, where all is on the host already.
    """
    if offload is None:
        return {}
    named = {"optimizer": "offload_optimizer", "parameters": "offload_param"}
    if offload not in named:
        raise ValueError(f"expected offload {' or '.join(named)}, got {offload!r}")
    if offload not in kinds:
        raise Unsupported(f"partitions no {offload}, and so cannot offload them")
    if setting.device.type == "cpu":
        raise Unsupported(f"keeps {offload} states on the host, where a CPU's are already")
    wanted = kinds[: kinds.index(offload) + 1]  # who offloads parameters offloads what updates them
    return {named[kind]: {"device": "cpu", "pin_memory": True} for kind in wanted}


def partition_bytes(elements: int) -> dict[str, float]:
    """Count what a rank updates: master weights in float32 and Adam's states, in one tensor."""
    return {
        "master_weights": 4 * elements,
        "optimizer_state": adam_bytes(elements, 1),
    }
