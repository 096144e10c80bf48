"""Count a language model's parameters from its configuration. Torch-free.

Weights of attention, feed-forward, embeddings and head, without norms and biases: within about 1 %
of what a checkpoint holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from bench.errors import UserError
from bench.reading import config_like, model_of
from suites.distributed.planning.shape import Shape

GATED_BY = ("silu", "swish", "swiglu", "geglu", "gated-*")  # spellings of a feed-forward's function
GATED = ("Llama*", "Mistral*", "Qwen*", "Gemma*", "Phi3*", "Olmo*", "Cohere*")
TIED = ("GPT2*", "Gemma*", "Falcon*", "Bert*", "OPT*", "Cohere*")  # where no field says so
FUNCTIONS = ("hidden_act", "hidden_activation", "activation_function", "feed_forward_proj")
EXPERTS = ("*expert*",)  # not every token sees every weight
SECTIONS = ("text_config", "llm_config", "language_config")


def shape_like(word: str, num_parameters: float | None) -> Shape:
    """Return the shape of the model that `--like` names; a given number of parameters wins."""
    config = config_like(word)
    model = model_of(word, config)
    sections = [config[name] for name in SECTIONS if isinstance(config.get(name), dict)]
    fields = {**config, **(sections[0] if sections else {})}
    sizes = {noun: float(values[0] or 0) for noun, values in model.shapes.items()
             if noun in ("num_layers", "num_heads", "num_kv_heads", "head_dim", "dim", "ffn_dim",
                         "vocab_size") and not isinstance(values[0], str)}  # fmt: skip
    if "num_layers" not in sizes:
        raise UserError(f"--like {word}: expected a number of layers; give --params without --like")
    embeddings = _embeddings(fields, sizes)
    if num_parameters is None:
        _expect_countable(word, fields, sizes)
        num_parameters = sizes["num_layers"] * _layer(fields, sizes) + embeddings
    elif num_parameters <= embeddings:
        raise UserError(
            f"--params: expected more than the {embeddings:g} of the embeddings of --like {word}, "
            f"got {num_parameters:g}"
        )
    return Shape(
        num_parameters,
        sizes["num_layers"],
        sizes["dim"],
        sizes["num_heads"],
        embeddings,
        sizes.get("vocab_size", 0.0),
        f"like {word}: {sizes['num_layers']:.0f} layers of {sizes['dim']:.0f}, "
        f"{sizes['num_heads']:.0f} heads",
    )


def _expect_countable(word: str, fields: Mapping[str, Any], sizes: Mapping[str, float]) -> None:
    experts = [f for f in fields if any(fnmatchcase(f, pattern) for pattern in EXPERTS)]
    if experts:
        raise UserError(
            f"--like {word}: {experts[0]}: parameters of experts are not counted; add --params"
        )
    if "vocab_size" not in sizes:
        raise UserError(
            f"--like {word}: without vocab_size its parameters cannot be counted; add --params"
        )


def _layer(fields: Mapping[str, Any], sizes: Mapping[str, float]) -> float:
    """Count the weights of a layer; a gated feed-forward has three matrices, another one two."""
    dim, head_dim = sizes["dim"], sizes["head_dim"]
    attention = dim * head_dim * 2 * (sizes["num_heads"] + sizes["num_kv_heads"])
    ffn_dim = sizes.get("ffn_dim", 4 * dim)
    return attention + (3 if _gated(fields) else 2) * dim * ffn_dim


def _embeddings(fields: Mapping[str, Any], sizes: Mapping[str, float]) -> float:
    tied = fields.get("tie_word_embeddings")
    if not isinstance(tied, bool):
        tied = _is_of(fields, TIED)
    return (1 if tied else 2) * sizes.get("vocab_size", 0.0) * sizes["dim"]


def _gated(fields: Mapping[str, Any]) -> bool:
    spelt = [str(fields[name]) for name in FUNCTIONS if fields.get(name)]
    return _is_of(fields, GATED) or any(fnmatchcase(s, g) for s in spelt for g in GATED_BY)


def _is_of(fields: Mapping[str, Any], families: tuple[str, ...]) -> bool:
    names = fields.get("architectures")
    names = names if isinstance(names, list) else []
    return any(fnmatchcase(str(name), family) for name in names for family in families)
