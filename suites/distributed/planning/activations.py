"""Bytes of activations a rank keeps for backward: Korthikanti et al. 2022, arXiv:2205.05198.

Equation 1: a layer of a GPT keeps s b h (34 + 5 a s / h) bytes in 16 bits, for s tokens, b
sequences of this rank, width h and a heads: 16 s b h elements and 2 s b h bytes of masks, and in
attention 2 a s^2 b elements (the softmax's output, that and dropout's) and a s^2 b bytes of a mask.
Selective checkpointing (section 5) keeps nothing that is of size s^2; full checkpointing keeps a
layer's input, 2 s b h bytes, and computes one layer at a time again.

Without tensor parallelism this is equation 1 as it is: data parallelism, ZeRO and FSDP leave a
rank's activations whole, and equations 2 and 4, which divide them by t, are not used. It is of
dropout, GELU, a feed-forward four times as wide and softmax written out; fused attention keeps what
selective checkpointing does, without computing it again in a pass of its own.
"""

from __future__ import annotations

from suites.distributed.planning.shape import Shape

CHECKPOINTING = ("none", "selective", "full")
ITEMSIZE = {"bf16_mixed": 2, "float32": 4}  # of what a layer computes with

# What checkpointing adds to the products of a step, as a share: full makes forward again, a third
# of it; selective makes the products of attention's scores again, counted apart.
FULL_AGAIN = 1 / 3


def activation_bytes(
    shape: Shape, batch: float, seqlen: float, checkpointing: str, precision: str
) -> float:
    """Return the bytes that `batch` sequences of one rank keep, all layers and the logits.

    Section 4.3: the last layer's norm and the head's input are 2 s b h elements, logits 4 s b v
    bytes; v is unknown without a vocabulary, and no logits are counted then.
    """
    itemsize, tokens = ITEMSIZE[precision], batch * seqlen
    whole = _layer_bytes(shape, tokens, seqlen, itemsize)
    linear = tokens * shape.dim * (16 * itemsize + 2)
    if checkpointing == "full":
        kept = shape.num_layers * tokens * shape.dim * itemsize + whole
    else:
        kept = shape.num_layers * (linear if checkpointing == "selective" else whole)
    return kept + tokens * (2 * itemsize * shape.dim + 4 * shape.vocab_size)


def again_flops(shape: Shape, num_tokens: float, seqlen: float, checkpointing: str) -> float:
    """Count the products of a training step that checkpointing makes a second time."""
    if checkpointing == "full":
        return FULL_AGAIN * shape.product_flops(num_tokens, seqlen)
    scores = 2 * shape.num_layers * shape.dim * seqlen * num_tokens  # forward's, causal
    return scores if checkpointing == "selective" else 0.0


def _layer_bytes(shape: Shape, tokens: float, seqlen: float, itemsize: int) -> float:
    linear = tokens * shape.dim * (16 * itemsize + 2)
    return linear + tokens * shape.num_heads * seqlen * (2 * itemsize + 1)
