"""How each class of network is called: what beside a state and a time it has to be told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

EMBEDDINGS = "embeddings.safetensors"
STATES, CLASSES = "encoder_hidden_states", "class_hidden_states"

# network, state (B, C, H, W), time steps (B,) float32, labels (B,) or None: the prediction
Call = Callable[[Any, Tensor, Tensor, Tensor | None], Tensor]


class Caller(NamedTuple):
    """Calls a network, without labels or, where it has `num_classes`, with them."""

    call: Call
    num_classes: int | None = None


def caller_of(network: Any, folder: Path) -> Caller:
    """Choose by the network's class; ValueError where it needs what nobody stored."""
    return CALLERS[type(network).__name__](network, folder)


def _unet(network: Any, folder: Path) -> Caller:
    """Expect no classes: such a network has no prediction without a label."""
    if network.config.num_class_embeds is not None or network.config.class_embed_type is not None:
        raise ValueError(
            f"{folder}: expected an unconditional UNet2DModel, got one of classes "
            f"(num_class_embeds={network.config.num_class_embeds})"
        )
    return Caller(lambda network, x, times, labels: network(x, times).sample)


def _dit(network: Any, folder: Path) -> Caller:
    """Without a label take the last row of the table, DiT's own for none (arXiv:2212.09748)."""
    none = network.config.num_embeds_ada_norm

    def call(network: Any, x: Tensor, times: Tensor, labels: Tensor | None) -> Tensor:
        own = torch.full_like(times, none, dtype=torch.long) if labels is None else labels
        return network(x, timestep=times, class_labels=own).sample

    return Caller(call, none)


def _conditional_unet(network: Any, folder: Path) -> Caller:
    """Read what a text encoder gave once: of one prompt, and of several to guide by, or none."""
    config = network.config
    if config.addition_embed_type is not None or config.class_embed_type is not None:
        raise ValueError(
            f"{folder}: expected a UNet2DConditionModel of encoder_hidden_states alone, got "
            f"addition_embed_type={config.addition_embed_type}, "
            f"class_embed_type={config.class_embed_type}"
        )
    states, classes = _stored(folder, config.cross_attention_dim)

    def call(network: Any, x: Tensor, times: Tensor, labels: Tensor | None) -> Tensor:
        own = states.expand(len(x), -1, -1) if labels is None else classes[labels.cpu()]
        return network(x, times, encoder_hidden_states=own.to(x)).sample

    return Caller(call, len(classes) or None)


def _stored(folder: Path, dim: int) -> tuple[Tensor, Tensor]:
    """Return embeddings (1, L, dim), and those of classes (n, L, dim), which may be none."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    file = folder / EMBEDDINGS
    expected = f"{file}: expected {STATES} of shape (1, length, {dim})"
    try:
        kept = load_file(file)
    except (OSError, SafetensorError) as error:
        raise ValueError(
            f"{expected}, got no such file; store what the text encoder gave"
        ) from error
    states, classes = kept.get(STATES), kept.get(CLASSES, torch.empty(0, 1, dim))
    for name, found in ((STATES, states), (CLASSES, classes)):
        if found is None or found.ndim != 3 or found.shape[-1] != dim:
            got = "none" if found is None else tuple(found.shape)
            raise ValueError(f"{expected}, got {name} {got}")
    assert states is not None
    if len(states) != 1:
        raise ValueError(
            f"{expected}, got {tuple(states.shape)}; give several, to guide by, as {CLASSES}"
        )
    return states, classes


CALLERS: dict[str, Callable[[Any, Path], Caller]] = {
    "UNet2DModel": _unet,
    "UNet2DConditionModel": _conditional_unet,
    "DiTTransformer2DModel": _dit,
}
