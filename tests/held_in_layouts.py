"""Weights held in layouts other than strided, and by views of more or less than they show."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from tests.holding import MIB, NUM, Ways, holds_in, weight

WAYS: Ways = {}
holds = holds_in(WAYS)


@holds(1000 * (2 * 8 + 4))
def coo() -> Any:
    places = torch.arange(1000).repeat(2, 1)
    return torch.sparse_coo_tensor(places, torch.ones(1000), (1000, 1000), check_invariants=False)


@holds(1001 * 8 + 1000 * (8 + 4))
def csr() -> Any:
    rows, columns = torch.arange(1001), torch.arange(1000)
    return torch.sparse_csr_tensor(rows, columns, torch.ones(1000), (1000, 1000))


@holds(4 * NUM + 8 * 3)
def jagged() -> Any:
    offsets = torch.tensor([0, 128, 512])
    return torch.nested.nested_tensor_from_jagged(weight(), offsets)


@holds(NUM)
def quantised() -> Any:
    return torch.quantize_per_tensor(weight(), 0.1, 0, torch.quint8)


@holds(MIB)
def onednn() -> Any:
    return weight().to_mkldnn()


@holds(MIB)
def view_of_much() -> Any:
    return weight()[:1, :1]


@holds(4)
def expanded() -> Any:
    return torch.ones(1).expand(NUM)


@holds(MIB)
def shared_storage() -> Any:
    made = weight()
    return made, made.T, nn.Parameter(made.detach())
