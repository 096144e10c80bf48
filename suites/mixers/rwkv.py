"""RWKV: keys weighted by exponentials that fade by channel, and mixes with the token before."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench import Setting, variant
from suites.mixers.mixer import SEGMENT, Recurrence, State, Weights, expect_form
from suites.mixers.pieces import RMSNorm, chunk_of, plain_norm, wide
from suites.mixers.problem import Contestant, Mixing

NEVER = -1e30  # the exponent of what is not there


class Rwkv(Recurrence):
    """RWKV-4: time mixing and channel mixing, Peng et al. 2023 (arXiv:2305.13048), eq. 11-18.

    `recurrent` is appendix D with its running maximum; `chunked` weighs the pairs of a chunk at
    once, by differences of exponents. The state is two tokens, and per channel a numerator, a
    denominator and the exponent that both are scaled by.
    """

    def __init__(self, width: int, form: str = "chunked", chunk: int = 16):
        super().__init__(width)
        self.form, self.chunk = expect_form(form, "chunked", "recurrent"), chunk
        self.mixes = nn.Parameter(torch.linspace(0.0, 1.0, width).repeat(3, 1))
        self.key, self.value, self.receptance, self.out = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )
        self.log_decay = nn.Parameter(torch.linspace(-5.0, 3.0, width))
        self.bonus = nn.Parameter(torch.full((width,), 0.3).log())
        self.channel_norm = RMSNorm(width)
        self.channel_mixes = nn.Parameter(torch.linspace(0.0, 1.0, width).repeat(2, 1))
        self.channel_key = nn.Linear(width, 4 * width, bias=False)
        self.channel_value = nn.Linear(4 * width, width, bias=False)
        self.channel_receptance = nn.Linear(width, width, bias=False)

    def empty(self, x_BSW: Tensor) -> State:
        before_BW = x_BSW.new_zeros(len(x_BSW), self.width)
        nothing = wide(before_BW).clone()
        return before_BW, nothing, nothing, torch.full_like(nothing, NEVER)

    def scan(self, x_BSW: Tensor, state: State) -> tuple[Tensor, State]:
        before, *sums = state
        r, k, v = self._projected(x_BSW, _shifted(x_BSW, before))
        mixed_BSW, sums = self._weigh(k, v, sums)
        return self._received(r, mixed_BSW), (x_BSW[:, -1], *sums)

    def _weigh(
        self, k_BSW: Tensor, v_BSW: Tensor, sums: list[Tensor]
    ) -> tuple[Tensor, list[Tensor]]:
        chunk = chunk_of(k_BSW.shape[1], self.chunk)
        k, v = (t.unflatten(1, (-1, chunk)) for t in (k_BSW, v_BSW))
        rate = wide(self.log_decay).exp()
        own, left = _gaps(chunk, k)
        log_left = k - left[:, None] * rate
        top = log_left.amax(2)
        share = torch.exp(log_left - top[:, :, None])
        carried = self._carry(sums, (share * v).sum(2), share.sum(2), top, rate * chunk)
        num, den, exponent = (torch.stack(each, 1)[:, :, None] for each in carried[0])
        logs_BMCCW = torch.where(own[..., None] >= 0, k[:, :, None] - own[..., None] * rate, NEVER)
        faded = exponent - torch.arange(chunk, device=k.device)[:, None] * rate
        now = k + wide(self.bonus)
        peak = torch.maximum(logs_BMCCW.amax(3), torch.maximum(faded, now))
        weights = torch.exp(logs_BMCCW - peak[..., None, :])
        old, new = torch.exp(faded - peak), torch.exp(now - peak)
        above = torch.einsum("bmtsw,bmsw->bmtw", weights, v) + old * num + new * v
        mixed = above / (weights.sum(3) + old * den + new)
        return mixed.flatten(1, 2), carried[1]

    def _carry(
        self, sums: list[Tensor], num: Tensor, den: Tensor, top: Tensor, fade: Tensor
    ) -> tuple[list[list[Tensor]], list[Tensor]]:
        """Add chunk after chunk to the state; return it before each (three lists), and at last."""
        before: list[list[Tensor]] = [[], [], []]
        for num_BW, den_BW, top_BW in zip(num.unbind(1), den.unbind(1), top.unbind(1), strict=True):
            for kept, each in zip(before, sums, strict=True):
                kept.append(each)
            sums = _added(sums, fade, num_BW, den_BW, top_BW)
        return before, sums

    def mix_one(self, x_BW: Tensor, state: State) -> tuple[Tensor, State]:
        before, *sums = state
        r, k, v = self._projected(x_BW, before)
        num, den, exponent = sums
        now = k + wide(self.bonus)
        peak = torch.maximum(exponent, now)
        old, new = torch.exp(exponent - peak), torch.exp(now - peak)
        mixed = (old * num + new * v) / (old * den + new)
        sums = _added(sums, wide(self.log_decay).exp(), v, torch.ones_like(v), k)
        return self._received(r, mixed), (x_BW, *sums)

    def define(self, weights: Weights, x_BSW: Tensor) -> Tensor:
        """Write the sums out token by token, over all that came before each."""
        shifted = torch.cat([torch.zeros_like(x_BSW[:, :1]), x_BSW[:, :-1]], 1)
        r, k, v = (
            (x_BSW * mix + shifted * (1 - mix)) @ weights[f"{name}.weight"].T
            for name, mix in zip(("receptance", "key", "value"), weights["mixes"], strict=True)
        )
        k, v, rate = wide(k), wide(v), torch.exp(wide(weights["log_decay"]))
        mixed = []
        for t in range(x_BSW.shape[1]):
            gaps = torch.arange(t - 1, -1, -1, device=k.device, dtype=k.dtype)[:, None]
            logs = torch.cat([k[:, :t] - gaps * rate, k[:, t : t + 1] + wide(weights["bonus"])], 1)
            mixed.append((torch.softmax(logs, 1) * v[:, : t + 1]).sum(1))
        gated = torch.sigmoid(r) * torch.stack(mixed, 1).to(r.dtype)
        return gated @ weights["out.weight"].T

    def forward(self, x_BSW: Tensor) -> Tensor:
        x_BSW = super().forward(x_BSW)
        return x_BSW + self._channels(x_BSW, x_BSW.new_zeros(len(x_BSW), self.width))[0]

    def prefill(self, x_BSW: Tensor) -> State:
        return self._to_last(x_BSW)[1]

    def decode(self, x_BW: Tensor, state: State) -> tuple[Tensor, State]:
        *own, before_BW = state
        mixed_BW, own_state = self.mix_one(self.norm(x_BW), tuple(own))
        x_BW = x_BW + mixed_BW
        normed = self.channel_norm(x_BW)
        return x_BW + self._mixed_channels(normed, before_BW), (*own_state, normed)

    def last(self, x_BSW: Tensor) -> Tensor:
        return self._to_last(x_BSW)[0]

    def definition(self, weights: Weights, x_BSW: Tensor) -> Tensor:
        x_BSW = super().definition(weights, x_BSW)
        normed = plain_norm(weights, "channel_norm", x_BSW)
        shifted = torch.cat([torch.zeros_like(normed[:, :1]), normed[:, :-1]], 1)
        to_key, to_gate = (normed * m + shifted * (1 - m) for m in weights["channel_mixes"])
        hidden = (to_key @ weights["channel_key.weight"].T).clamp_min(0) ** 2
        gate = torch.sigmoid(to_gate @ weights["channel_receptance.weight"].T)
        return x_BSW + gate * (hidden @ weights["channel_value.weight"].T)

    def mix_flops(self, seqlen: int) -> int:
        """Count 13 W² of weights of both mixes, and the sums per channel."""
        return seqlen * (26 * self.width**2 + 10 * self.width)

    def _to_last(self, x_BSW: Tensor) -> tuple[Tensor, State]:
        """Return the last token's output, and the state after it, part by part."""
        state = self.empty(x_BSW)
        before_BW = x_BSW.new_zeros(len(x_BSW), self.width)
        y_BSW = x_BSW
        for part in x_BSW.split(SEGMENT, 1):
            mixed, state = self.scan(self.norm(part), state)
            y_BSW, before_BW = self._with_channels(part + mixed, before_BW)
        return y_BSW[:, -1], (*state, before_BW)

    def _with_channels(self, x_BSW: Tensor, before_BW: Tensor) -> tuple[Tensor, Tensor]:
        added, before_BW = self._channels(x_BSW, before_BW)
        return x_BSW + added, before_BW

    def _channels(self, x_BSW: Tensor, before_BW: Tensor) -> tuple[Tensor, Tensor]:
        normed = self.channel_norm(x_BSW)
        return self._mixed_channels(normed, _shifted(normed, before_BW)), normed[:, -1]

    def _mixed_channels(self, x: Tensor, before: Tensor) -> Tensor:
        to_key, to_gate = _mixes(x, before, self.channel_mixes)
        value = self.channel_value(self.channel_key(to_key).relu().square())
        return torch.sigmoid(self.channel_receptance(to_gate)) * value

    def _projected(self, x: Tensor, before: Tensor) -> tuple[Tensor, ...]:
        r, k, v = _mixes(x, before, self.mixes)
        return self.receptance(r), wide(self.key(k)), wide(self.value(v))

    def _received(self, r: Tensor, mixed: Tensor) -> Tensor:
        out: Tensor = self.out(torch.sigmoid(r) * mixed.to(r.dtype))
        return out


def _mixes(x: Tensor, before: Tensor, mixes: Tensor) -> list[Tensor]:
    """Mix every token with the one before it, by channel, in several ways."""
    return [torch.lerp(before, x, mix) for mix in mixes.unbind()]


def _shifted(x_BSW: Tensor, before_BW: Tensor) -> Tensor:
    return torch.cat([before_BW[:, None], x_BSW[:, :-1]], 1)


def _gaps(chunk: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Return steps from each key to each query after it, and from each to the chunk's end."""
    at = torch.arange(chunk, device=like.device, dtype=like.dtype)
    return at[:, None] - at - 1, chunk - 1 - at


def _added(sums: list[Tensor], fade: Tensor, num: Tensor, den: Tensor, top: Tensor) -> list[Tensor]:
    """Let sums fade, and add others that are scaled by exp(top)."""
    old_num, old_den, exponent = sums
    peak = torch.maximum(exponent - fade, top)
    old, new = torch.exp(exponent - fade - peak), torch.exp(top - peak)
    return [old * old_num + new * num, old * old_den + new * den, peak]


@variant
def rwkv(
    problem: Mixing,
    *,
    setting: Setting,
    form: str = "chunked",
    chunk: int = 16,
    compiled: bool = False,
) -> Contestant:
    """Attention-like weights that fade by channel, in a state of one size."""
    return problem.ask(lambda: Rwkv(problem.width, form, chunk), setting, compiled)
