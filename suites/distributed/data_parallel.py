"""torch's nn.DataParallel: one process, a replica on every GPU, copied anew in every step."""

from __future__ import annotations

import torch
from torch import nn

from bench import Setting, Unsupported, variant
from suites.distributed.problem import Training
from suites.distributed.single import Single
from suites.distributed.strategy import adamw


class OneProcess(Single):
    """The first GPU has weights, gradients and states; what is copied is no collective."""

    def __init__(self, problem: Training, setting: Setting):
        if setting.device.type == "cpu":
            raise Unsupported("needs several GPUs in one process")
        if torch.cuda.device_count() < 2:
            raise Unsupported("needs several GPUs; this machine has one")
        super().__init__(problem, setting)

    def wrap(self, network: nn.Module) -> None:
        self.optimizer = adamw(list(network.parameters()))
        self.network = nn.DataParallel(network)


@variant(marks=["alone", "several GPUs"])
def data_parallel(problem: Training, *, setting: Setting) -> OneProcess:
    """Scatter the batch over the GPUs of one process and gather outputs on the first."""
    return OneProcess(problem, setting)
