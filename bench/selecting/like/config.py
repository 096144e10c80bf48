"""Read a model's configuration, as Hugging Face's libraries and Meta's files spell it."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from bench.cases.case import Plain
from bench.selecting.like.fields import Fields
from bench.selecting.like.model import Model
from bench.selecting.like.norms import qk_norm_of
from bench.selecting.like.ropes import ropes_of
from bench.selecting.like.windows import windows_of

DIM = ("hidden_size", "n_embd", "d_model", "dim")
LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
HEADS = ("num_attention_heads", "n_head", "num_heads", "n_heads")
KV_HEADS = ("num_key_value_heads", "n_head_kv", "num_kv_heads", "n_kv_heads")
HEAD_DIM = ("head_dim", "attention_head_dim", "d_kv", "kv_channels")
VOCABULARY = ("vocab_size",)
FEED_FORWARD = ("intermediate_size", "n_inner", "d_ff", "ffn_dim")
SOFTCAP = ("attn_logit_softcapping",)
LANGUAGE = ("text_config", "llm_config", "language_config")  # of a model for several media

KIND = "model_type"
LEARNED_SINKS = ("gpt_oss",)  # families with one learned logit a head in the softmax's denominator

CAUSAL = ("*ForCausalLM", "*LMHeadModel")
NOT_CAUSAL = ("*ForMaskedLM", "*ForImageClassification")
DIFFUSERS = "_class_name"  # what diffusers writes; its transformers see whole images

Found = dict[str, tuple[list[Plain], str]]  # by noun its values, and where they were read

OTHERWISE = {  # what tells of attention on other operands than q, k, v of one head_dim
    "kv_lora_rank": "multi-head latent attention, whose values are narrower than its keys",
    "block_out_channels": "a U-Net, whose stages have shapes of their own",
}
# What changes no shape; the rest is unknown, and named.
SHAPELESS = (
    *("_*", "architectures", "model_type", "auto_map", "transformers_version", "torch_dtype"),
    *("dtype", "is_*", "id2label", "label2id", "pretraining_tp", "tie_word_embeddings"),
    *("use_cache", "cache_implementation", "*token_id", "*_token_index", "*dropout*", "*_pdrop"),
    *("*_act", "*activation*", "*_eps", "*epsilon", "*_bias", "initializer*", "norm_*"),
    *("max_position_embeddings", "n_positions", "n_ctx", "task_specific*"),
)


def model_of(name: str, values: Mapping[str, Any]) -> Model:
    """Return the shapes that a configuration tells of; UserError where it tells of none."""
    whole = Fields(f"--like {name}", values)
    config, section = _language_part(whole)
    for field, what in OTHERWISE.items():
        if config.get(field) is not None:
            raise config.refusal(field, f"{what}, is asked by no problem here")
    found: Found = {}
    _take_heads(config, found)
    _take_sizes(config, found)
    windows, field = windows_of(config, _layers(found))
    found["window"] = ([*windows], field)
    bases, field, scaling = ropes_of(config)
    if bases:
        found["rope_base"] = ([*bases], field)
    _take_kinds(config, found)
    _take_mask(config, section, found)
    unread = [*whole.unread(), *(config.unread() if section else []), *scaling]
    unknown = [field for field in unread if not any(fnmatchcase(field, p) for p in SHAPELESS)]
    shapes = {noun: values for noun, (values, _) in found.items()}
    return Model(name, shapes, {noun: field for noun, (_, field) in found.items()}, unknown)


def _language_part(whole: Fields) -> tuple[Fields, str]:
    """Return the fields of the language model in one for several media, else all fields."""
    if any(name in whole.names() for name in HEADS):
        return whole, ""
    for name in LANGUAGE:
        if (part := whole.section(name)) is not None:
            return part, name
    return whole, ""


def _take_heads(config: Fields, found: Found) -> None:
    field = config.first(HEADS)
    if not field:
        raise config.refusal(HEADS[0], f"expected it (or {_others(HEADS)}), there is none")
    num_heads = config.count(field)
    found["num_heads"] = ([num_heads], field)
    num_kv_heads, kv_field = _kv_heads(config, num_heads)
    if num_heads % num_kv_heads:
        told = f"expected a divisor of {field} {num_heads}, got {num_kv_heads}"
        raise config.refusal(kv_field, told)
    found["num_kv_heads"] = ([num_kv_heads], kv_field)
    found["head_dim"] = _head_dim(config, field, num_heads)


def _kv_heads(config: Fields, num_heads: int) -> tuple[int, str]:
    """Return the number of key-value heads; as many as heads where nothing tells otherwise."""
    field = config.first(KV_HEADS)
    if config.flag("multi_query") and not config.flag("new_decoder_architecture"):
        return 1, "multi_query"  # the older Falcon writes down others, and does not use them
    if config.flag("multi_query_attention"):
        return config.count("multi_query_group_num"), "multi_query_group_num"
    nested = config.section("attn_config")
    if nested is not None and nested.get("kv_n_heads") is not None:
        return nested.count("kv_n_heads"), "attn_config"
    return (config.count(field), field) if field else (num_heads, "as many as heads")


def _head_dim(config: Fields, heads: str, num_heads: int) -> tuple[list[Plain], str]:
    if field := config.first(HEAD_DIM):
        return [config.count(field)], field
    width = config.first(DIM)
    if not width:
        raise config.refusal(
            HEAD_DIM[0], f"expected it, or a hidden_size (or {_others(DIM)}); there is none"
        )
    dim = config.count(width)
    if dim % num_heads:
        told = f"{dim} is not divisible by {heads} {num_heads}; expected so, or a head_dim"
        raise config.refusal(width, told)
    return [dim // num_heads], f"{width} / {heads}"


def _take_sizes(config: Fields, found: Found) -> None:
    """Take what some problems ask and none must."""
    sizes = {"num_layers": LAYERS, "vocab_size": VOCABULARY, "dim": DIM, "ffn_dim": FEED_FORWARD}
    for noun, spellings in sizes.items():
        if field := config.first(spellings):
            found[noun] = ([config.count(field)], field)
    if "dim" not in found:  # diffusers' transformers are as wide as their heads together
        (heads,), (head_dim,) = found["num_heads"][0], found["head_dim"][0]
        assert isinstance(heads, int)
        assert isinstance(head_dim, int)
        found["dim"] = ([heads * head_dim], "heads × head_dim")
    if field := config.first(SOFTCAP):
        found["softcap"] = ([config.number(field)], field)


def _take_kinds(config: Fields, found: Found) -> None:
    """Take what a model does to queries, keys and logits beside, as words: how, or by whom."""
    norm, field = qk_norm_of(config)
    if norm:
        found[norm] = ([True], field)
    if config.get(KIND) in LEARNED_SINKS:
        found["learned_sinks"] = ([True], KIND)


def _layers(found: Found) -> int | None:
    values, _ = found.get("num_layers", ([None], ""))
    assert values[0] is None or isinstance(values[0], int)
    return values[0]


def _take_mask(config: Fields, section: str, found: Found) -> None:
    """Take whether later tokens are hidden, where the configuration tells."""
    names = config.words("architectures")
    if section or any(fnmatchcase(name, p) for name in names for p in CAUSAL):
        found["causal"] = ([True], section or "architectures")
    elif any(fnmatchcase(name, p) for name in names for p in NOT_CAUSAL):
        found["causal"] = ([False], "architectures")
    elif config.get(DIFFUSERS) is not None:
        found["causal"] = ([False], DIFFUSERS)


def _others(spellings: tuple[str, ...]) -> str:
    return ", ".join(spellings[1:])
