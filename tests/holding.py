"""What ways to hold a weight of one MiB are made of, and how they are entered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

NUM = 512 * 512
MIB = 4 * NUM  # float32

Held = Callable[[], Any]
Ways = dict[str, tuple[Held, int]]


def holds_in(ways: Ways) -> Callable[[int], Callable[[Held], Held]]:
    """Return what enters into `ways` a function whose result holds so many bytes."""

    def holds(num_bytes: int) -> Callable[[Held], Held]:
        def enter(make: Held) -> Held:
            ways[make.__name__] = (make, num_bytes)
            return make

        return enter

    return holds


def weight() -> Tensor:
    return torch.ones(512, 512)


def in_a_thread(work: Callable[[], Any]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
