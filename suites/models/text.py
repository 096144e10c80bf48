"""Text as a stream of characters, without a download: Python's own documentation topics.

They ship with every Python (`pydoc_data.topics`, 0.7 MB) and differ a little between its versions,
so losses compare within one Python only; `--data PATH` reads a file of the user's own instead.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

VOCAB_SIZE = 256  # characters are bytes of UTF-8: any text fits, and the model's size is fixed


class Tokens(NamedTuple):
    """Windows of text (B, S) and the characters that follow each position (B, S), int64."""

    inputs_BS: Tensor
    targets_BS: Tensor


@cache
def corpus(data: str | None = None) -> Tensor:
    """Read the text as bytes (n,), uint8; ValueError where a user's file cannot be read."""
    if data is None:
        from pydoc_data.topics import topics

        text = "\n".join(topics[name] for name in sorted(topics)).encode()
    else:
        text = _own(Path(os.path.expanduser(data)))
    return torch.frombuffer(bytearray(text), dtype=torch.uint8)


def _own(path: Path) -> bytes:
    """Read a user's text; what is none, or has nothing to learn from, is refused in a line."""
    try:
        text = path.read_bytes()
    except OSError as error:
        raise ValueError(f"data {path}: expected a readable text file: {error.strerror}") from error
    if not _is_text(text):
        raise ValueError(f"data {path}: expected text in UTF-8, got bytes that are none")
    if len(set(text.strip())) < 2:
        raise ValueError(f"data {path}: expected text, got {len(text)} bytes with nothing in them")
    return text


def _is_text(found: bytes) -> bool:
    try:
        found.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in found  # UTF-16, or an array of small numbers


def windows(seed: int, batch: int, seqlen: int, data: str | None = None) -> Tokens:
    """Draw `batch` windows of `seqlen` characters; equal seeds draw equal windows."""
    text = corpus(data)
    if len(text) <= seqlen:
        raise ValueError(
            f"data {data}: expected more than seqlen={seqlen} characters, got {len(text)}"
        )
    generator = torch.Generator().manual_seed(seed)
    starts_B1 = torch.randint(len(text) - seqlen, (batch, 1), generator=generator)
    window = text[starts_B1 + torch.arange(seqlen + 1)].long()
    return Tokens(window[:, :-1].contiguous(), window[:, 1:].contiguous())
