"""Mixer: one layer of a residual stream, as trained, as decoded, and as its paper defines it.

Shapes: B batch, S seqlen, W width, H num_heads, D head_dim, C chunk, M number of chunks.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from suites.mixers.pieces import FeedForward, RMSNorm, plain_feed_forward, plain_norm

State = tuple[Any, ...]  # tensors; whole numbers such as a position; weights of a step, as a tuple
Weights = Mapping[str, Tensor]
SEGMENT = 1024  # tokens that a recurrence takes at once, where their state is all that is wanted


class Mixer(nn.Module):
    """x + mix(norm(x)), and then x + feed_forward(norm(x)) for those that have one.

    Subclass with `mix` (all tokens at once), `begin` and `mix_one` (one token after a state), and
    `define`: the paper's equation, plainly, from weights and inputs alone. `flops` counts what a
    sequence takes forward, 2 for a multiply-add, in products and in updates of the state. A kernel
    for whole sequences is a subclass with another `mix`: states and definition stay as they are.
    """

    decodes: ClassVar[bool] = True  # False: what is fast in it takes whole sequences alone

    def __init__(self, width: int, hidden: int = 0):
        super().__init__()
        self.width, self.hidden = width, hidden
        self.norm = RMSNorm(width)
        self.feed_forward = FeedForward(width, hidden) if hidden else None

    @abstractmethod
    def mix(self, x_BSW: Tensor) -> Tensor:
        """Mix tokens, each with those before it."""

    @abstractmethod
    def mix_one(self, x_BW: Tensor, state: State) -> tuple[Tensor, State]:
        """Mix the next token with what the state keeps of all before it."""

    @abstractmethod
    def after(self, x_BSW: Tensor) -> State:
        """Return the state after these (normed) tokens, with room for one more."""

    @abstractmethod
    def mix_last(self, x_BSW: Tensor) -> Tensor:
        """Return the last token's output (B, W), by the parallel form."""

    @abstractmethod
    def define(self, weights: Weights, x_BSW: Tensor) -> Tensor:
        """Compute `mix` as defined."""

    @abstractmethod
    def mix_flops(self, seqlen: int) -> int:
        """Count `mix` for one sequence."""

    def forward(self, x_BSW: Tensor) -> Tensor:
        return self._fed(x_BSW + self.mix(self.norm(x_BSW)))

    def decode(self, x_BW: Tensor, state: State) -> tuple[Tensor, State]:
        mixed_BW, state = self.mix_one(self.norm(x_BW), state)
        return self._fed(x_BW + mixed_BW), state

    def prefill(self, x_BSW: Tensor) -> State:
        """Return the state after a context."""
        return self.after(self.norm(x_BSW))

    def last(self, x_BSW: Tensor) -> Tensor:
        """Return what `forward` gives the last token."""
        return self._fed(x_BSW[:, -1] + self.mix_last(self.norm(x_BSW)))

    def _fed(self, x: Tensor) -> Tensor:
        return x if self.feed_forward is None else x + self.feed_forward(x)

    def definition(self, weights: Weights, x_BSW: Tensor) -> Tensor:
        """Compute the layer as defined, from these weights; of `self` only sizes are read."""
        x = x_BSW + self.define(weights, plain_norm(weights, "norm", x_BSW))
        if self.hidden:
            x = x + plain_feed_forward(weights, "feed_forward", x)
        return x

    def flops(self, seqlen: int) -> int:
        """Count the whole layer for one sequence."""
        return self.mix_flops(seqlen) + 4 * seqlen * self.width * self.hidden


class Recurrence(Mixer):
    """A mixer whose state has one size, and whose parallel form can begin at any state."""

    form: str = "chunked"

    @abstractmethod
    def empty(self, x_BSW: Tensor) -> State:
        """Return the state before any token, of the batch and on the device of `x`."""

    @abstractmethod
    def scan(self, x_BSW: Tensor, state: State) -> tuple[Tensor, State]:
        """Mix tokens that follow a state, in parallel; return the state after them too."""

    def mix(self, x_BSW: Tensor) -> Tensor:
        if self.form == "recurrent":
            return self._step_by_step(x_BSW)
        return self.scan(x_BSW, self.empty(x_BSW))[0]

    def _step_by_step(self, x_BSW: Tensor) -> Tensor:
        state, mixed = self.empty(x_BSW), []
        for x_BW in x_BSW.unbind(1):
            y_BW, state = self.mix_one(x_BW, state)
            mixed.append(y_BW)
        return torch.stack(mixed, 1)

    def after(self, x_BSW: Tensor) -> State:
        state = self.empty(x_BSW)
        for part in x_BSW.split(SEGMENT, 1) if x_BSW.shape[1] else ():
            _, state = self.scan(part, state)
        return state

    def mix_last(self, x_BSW: Tensor) -> Tensor:
        begun = (x_BSW.shape[1] - 1) // SEGMENT * SEGMENT
        y_BSW, _ = self.scan(x_BSW[:, begun:], self.after(x_BSW[:, :begun]))
        return y_BSW[:, -1]


def expect_form(form: str, *known: str) -> str:
    """Return a form that a mixer has; ValueError names those."""
    if form not in known:
        raise ValueError(f"expected form to be {' or '.join(known)}, got {form!r}")
    return form


def state_bytes(state: State) -> int:
    """Count the bytes of all tensors of a state."""
    return sum(each.nbytes for each in state if isinstance(each, Tensor))
