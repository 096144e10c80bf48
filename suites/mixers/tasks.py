"""Tasks: text, and two of recall whose answer is in what was read, and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from bench import Plain
from suites.mixers.learning import NOTHING, Batch, Learning
from suites.models.text import VOCAB_SIZE, windows


@dataclass(frozen=True)
class TextLearning(Learning):
    """Next-character prediction on Python's own documentation, or a user's text."""

    data: str | None = None

    vocab_size: ClassVar[int] = VOCAB_SIZE

    def draw(self, seed: int) -> Batch:
        return Batch(*windows(seed, self.batch, self.seqlen, self.data))

    def expect_files(self) -> None:
        """Read the user's text, and a window of it."""
        windows(0, 1, self.seqlen, self.data)


@dataclass(frozen=True)
class SelectiveCopying(Learning):
    """Repeat `num_kept` symbols that stand among blanks at random places, in order, at the end.

    Gu and Dao 2023 (arXiv:2312.00752), section 3.1, figure 2: where they stand is drawn anew.
    """

    num_kept: int = 4

    vocab_size: ClassVar[int] = 18  # 16 symbols, a blank, and the sign to repeat
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 2, "seqlen": 16, "width": 16, "num_heads": 2},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.num_kept <= self.seqlen // 2:
            raise ValueError(
                f"expected num_kept from 1 to half of seqlen, got {self.num_kept} of {self.seqlen}"
            )

    def draw(self, seed: int) -> Batch:
        generator = torch.Generator().manual_seed(seed)
        symbols, blank, repeat, kept = 16, 16, 17, self.num_kept
        read = self.seqlen - kept
        values_BK = torch.randint(symbols, (self.batch, kept), generator=generator)
        order = torch.rand(self.batch, read, generator=generator).argsort(-1)
        places_BK = order[:, :kept].sort(-1).values
        tokens_BS = torch.full((self.batch, self.seqlen), blank)
        tokens_BS.scatter_(1, places_BK, values_BK)
        tokens_BS[:, read:] = repeat
        targets_BS = torch.full_like(tokens_BS, NOTHING)
        targets_BS[:, read:] = values_BK
        return Batch(tokens_BS, targets_BS)


@dataclass(frozen=True)
class AssociativeRecall(Learning):
    """Tell the value of every key that comes again after `num_pairs` pairs of key and value.

    Multi-query associative recall, Arora et al. 2023 (arXiv:2312.04927), section 3.2: keys come
    again in the rest of the sequence, in any order.
    """

    num_pairs: int = 8

    vocab_size: ClassVar[int] = 32  # keys, then values
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 2, "seqlen": 16, "width": 16, "num_heads": 2, "num_pairs": 4},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        most = min(self.seqlen // 3, self.vocab_size // 2)
        if not 1 <= self.num_pairs <= most:
            raise ValueError(
                f"expected num_pairs from 1 to {most}, a third of seqlen at most, "
                f"got {self.num_pairs}"
            )

    def draw(self, seed: int) -> Batch:
        generator = torch.Generator().manual_seed(seed)
        half, pairs = self.vocab_size // 2, self.num_pairs
        keys_BP, values_BP = (
            torch.rand(self.batch, half, generator=generator).argsort(-1)[:, :pairs]
            for _ in range(2)
        )
        values_BP = values_BP + half
        read = torch.stack([keys_BP, values_BP], -1).flatten(1)
        length = self.seqlen - 2 * pairs
        asked_BQ = torch.rand(self.batch, length, generator=generator).argsort(-1) % pairs
        again = keys_BP.gather(1, asked_BQ)
        nothing = torch.full_like(read, NOTHING)
        targets = torch.cat([nothing, values_BP.gather(1, asked_BQ)], 1)
        return Batch(torch.cat([read, again], 1), targets)
