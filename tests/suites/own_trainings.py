"""Modules and losses of a user's own, as training by ranks is given them."""

from __future__ import annotations

LLAMA = '''
from dataclasses import dataclass
from transformers import LlamaConfig, LlamaForCausalLM
from suites.distributed.own import OwnTraining
from suites.models.text import windows


@dataclass(frozen=True)
class Llama(OwnTraining):
    """A small Llama on characters."""

    batch: int = 4
    seqlen: int = 16
    loss_steps: int = 3

    def build(self):
        sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2}
        heads = {"num_attention_heads": 2, "num_key_value_heads": 1}
        return LlamaForCausalLM(LlamaConfig(vocab_size=256, **sizes, **heads))

    def make_batch(self, seed):
        tokens = windows(seed, self.batch, self.seqlen)
        return {"input_ids": tokens.inputs_BS, "labels": tokens.inputs_BS}

    def loss(self, module, batch):
        return module(**batch).loss
'''

# Each cannot be shared out over ranks; what it is told stands beside it.
UNFIT = """
from dataclasses import dataclass
import torch
from torch import nn
from suites.distributed.own import OwnTraining


@dataclass(frozen=True)
class Mlp(OwnTraining):
    def build(self):
        return nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 1))

    def make_batch(self, seed):
        return (torch.randn(self.batch, 8, generator=torch.Generator().manual_seed(seed)),)

    def loss(self, module, batch):
        return module(*batch).square().mean()


@dataclass(frozen=True)
class Summed(Mlp):
    def loss(self, module, batch):
        return module(*batch).square().sum()


@dataclass(frozen=True)
class Normed(Mlp):
    def build(self):
        return nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))


@dataclass(frozen=True)
class Dropped(Mlp):
    def build(self):
        return nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5), nn.Linear(8, 1))


@dataclass(frozen=True)
class Frozen(Mlp):
    def build(self):
        network = super().build()
        network[0].bias.requires_grad_(False)
        return network


@dataclass(frozen=True)
class FewerRows(Mlp):
    def make_batch(self, seed):
        return (*super().make_batch(seed), torch.zeros(3))

    def loss(self, module, batch):
        return module(batch[0]).square().mean()


@dataclass(frozen=True)
class NoSuchLayer(Mlp):
    layers = ("Block",)
"""
