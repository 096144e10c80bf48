"""A step that never returns, ignores SIGTERM and has a child that does too."""

import signal
import subprocess
import time
from collections.abc import Callable

from torch import Tensor

from bench import variant
from suites.faults.problem import Double


@variant
def stubborn_hang(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Refuse to leave, with a child in a session of its own; `timeout`, and nothing stays."""

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen(["sleep", "3599"], start_new_session=True)
        while True:
            time.sleep(3600)

    return step
