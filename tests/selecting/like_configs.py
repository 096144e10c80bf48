"""Configurations as models have them, in the parts that tell shapes; and what to read in them."""

from __future__ import annotations

from typing import Any

LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 64,
    "num_attention_heads": 8,
    "num_hidden_layers": 6,
}
FULL = "full_attention"
SLIDING = "sliding_attention"


def llama(**fields: Any) -> dict[str, Any]:
    return LLAMA | fields


READ: dict[str, tuple[dict[str, Any], dict[str, list[Any]]]] = {
    "as many key-value heads where none are told": (
        llama(num_key_value_heads=None, head_dim=None),
        {"num_kv_heads": [8], "head_dim": [8], "window": [None], "causal": [True]},
    ),
    "grouped heads": (llama(num_key_value_heads=2), {"num_heads": [8], "num_kv_heads": [2]}),
    "a head_dim of its own, Gemma and Qwen3": (llama(head_dim=32), {"head_dim": [32], "dim": [64]}),
    "GPT-2": (
        {"n_embd": 48, "n_head": 4, "n_layer": 2, "architectures": ["GPT2LMHeadModel"]},
        {"num_heads": [4], "head_dim": [12], "dim": [48], "num_layers": [2], "causal": [True]},
    ),
    "GPT-NeoX": (
        llama(rotary_emb_base=10000, rotary_pct=0.25),
        {"rope_base": [10000.0], "num_kv_heads": [8]},
    ),
    "StarCoder, one key-value head": (llama(multi_query=True), {"num_kv_heads": [1]}),
    "the older Falcon, whose num_kv_heads is not used": (
        llama(multi_query=True, num_kv_heads=8, new_decoder_architecture=False),
        {"num_kv_heads": [1]},
    ),
    "the newer Falcon": (
        llama(multi_query=True, n_head_kv=4, new_decoder_architecture=True),
        {"num_kv_heads": [4]},
    ),
    "ChatGLM": (
        llama(multi_query_attention=True, multi_query_group_num=2, kv_channels=16),
        {"num_kv_heads": [2], "head_dim": [16]},
    ),
    "DBRX": (
        {"d_model": 64, "n_heads": 8, "n_layers": 2, "attn_config": {"kv_n_heads": 4}},
        {"num_kv_heads": [4], "head_dim": [8]},
    ),
    "T5": (
        {"d_model": 64, "d_kv": 16, "num_heads": 6, "num_layers": 2, "is_encoder_decoder": True},
        {"num_heads": [6], "head_dim": [16], "dim": [64]},
    ),
    "Meta's params.json": (
        {"dim": 64, "n_heads": 8, "n_kv_heads": 2, "n_layers": 3, "rope_theta": 5e5},
        {"num_kv_heads": [2], "head_dim": [8], "rope_base": [5e5], "num_layers": [3]},
    ),
    "DiT": (
        {
            "_class_name": "DiTTransformer2DModel",
            "num_attention_heads": 16,
            "attention_head_dim": 72,
            "num_layers": 28,
            "patch_size": 2,
        },
        {"head_dim": [72], "dim": [1152], "causal": [False], "num_layers": [28]},
    ),
    "SD3, whose joint_attention_dim is the text's": (
        {
            "_class_name": "SD3Transformer2DModel",
            "num_attention_heads": 24,
            "attention_head_dim": 64,
            "joint_attention_dim": 4096,
        },
        {"head_dim": [64], "dim": [1536], "causal": [False]},
    ),
    "BERT": (llama(architectures=["BertForMaskedLM"]), {"causal": [False]}),
    "of several media": (
        {"vision_config": {"hidden_size": 7}, "text_config": llama(num_key_value_heads=4)},
        {"num_kv_heads": [4], "head_dim": [8], "causal": [True]},
    ),
    "Mistral": (llama(sliding_window=16), {"window": [16]}),
    "a later Mistral": (llama(sliding_window=None), {"window": [None]}),
    "Qwen2, which has a window and does not use it": (
        llama(sliding_window=16, use_sliding_window=False, max_window_layers=3),
        {"window": [None]},
    ),
    "Qwen2, from a layer on": (
        llama(sliding_window=16, use_sliding_window=True, max_window_layers=3),
        {"window": [None, 16]},
    ),
    "Qwen2, in all layers": (
        llama(sliding_window=16, use_sliding_window=True, max_window_layers=0),
        {"window": [16]},
    ),
    "Qwen2, from beyond the last layer on": (
        llama(sliding_window=16, use_sliding_window=True, max_window_layers=6),
        {"window": [None]},
    ),
    "Gemma 2, by turns": (
        llama(model_type="gemma2", sliding_window=16, attn_logit_softcapping=50.0),
        {"window": [None, 16], "softcap": [50.0]},
    ),
    "Gemma 3, by a pattern": (
        llama(sliding_window=16, sliding_window_pattern=6),
        {"window": [None, 16]},
    ),
    "by a pattern of one, all full": (
        llama(sliding_window=16, sliding_window_pattern=1),
        {"window": [None]},
    ),
    "Gemma 3, by layer": (
        llama(sliding_window=16, layer_types=[SLIDING, SLIDING, FULL]),
        {"window": [None, 16]},
    ),
    "Gemma 3, a rope base for each kind of layer": (
        llama(model_type="gemma3_text", rope_theta=1e6, rope_local_base_freq=10000),
        {"rope_base": [1e6, 1e4], "qk_norm": [True]},
    ),
    "as transformers writes it since its version 5": (
        llama(rope_parameters={"rope_theta": 5e5, "rope_type": "default"}),
        {"rope_base": [5e5]},
    ),
    "both, of which the newer is read": (
        llama(rope_theta=1e4, rope_parameters={"rope_theta": 5e5}),
        {"rope_base": [5e5]},
    ),
    "what scales, beside a base": (
        llama(rope_theta=1e4, rope_parameters={"rope_type": "linear", "factor": 2.0}),
        {"rope_base": [1e4]},
    ),
    "the same by kind of layer": (
        llama(rope_parameters={SLIDING: {"rope_theta": 1e4}, FULL: {"rope_theta": 1e6}}),
        {"rope_base": [1e6, 1e4]},
    ),
    "kinds of layers with one base": (
        llama(rope_parameters={SLIDING: {"rope_theta": 1e4}, FULL: {"rope_theta": 1e4}}),
        {"rope_base": [1e4]},
    ),
    "Qwen3, which normalises every head's queries and keys": (
        llama(model_type="qwen3", head_dim=16),
        {"qk_norm": [True], "head_dim": [16]},
    ),
    "OLMo 2, which normalises those of all heads together": (
        llama(model_type="olmo2"),
        {"qk_norm_across_heads": [True]},
    ),
    "SD3.5, as diffusers writes it": (
        llama(_class_name="SD3Transformer2DModel", qk_norm="rms_norm"),
        {"qk_norm": [True]},
    ),
    "a norm of another kind": (llama(qk_norm="layer_norm"), {"qk_norm_layer_norm": [True]}),
    "gpt-oss, with a learned sink a head": (
        llama(model_type="gpt_oss", sliding_window=16, layer_types=[SLIDING, FULL]),
        {"learned_sinks": [True], "window": [None, 16]},
    ),
    "by layer, all alike": (
        llama(sliding_window=16, layer_types=[SLIDING, "linear_attention"]),
        {"window": [16]},
    ),
}

WHOLE = "expected a whole number of at least 1"
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "nothing of a model": ({"learning_rate": 0.1}, "num_attention_heads: expected it (or n_head,"),
    "no width": (
        {"n_head": 4},
        "head_dim: expected it, or a hidden_size (or n_embd, d_model, dim)",
    ),
    "heads that do not divide the width": (
        llama(num_attention_heads=7),
        "hidden_size: 64 is not divisible by num_attention_heads 7; expected so, or a head_dim",
    ),
    "key-value heads that do not divide heads": (
        llama(num_key_value_heads=3),
        "num_key_value_heads: expected a divisor of num_attention_heads 8, got 3",
    ),
    "below zero": (llama(hidden_size=-64), f"hidden_size: {WHOLE}, got -64"),
    "zero": (llama(num_attention_heads=0), f"num_attention_heads: {WHOLE}, got 0"),
    "a word": (llama(num_attention_heads="8"), f"num_attention_heads: {WHOLE}, got '8'"),
    "half a layer": (llama(num_hidden_layers=6.5), f"num_hidden_layers: {WHOLE}, got 6.5"),
    "true, which is no 1": (llama(num_key_value_heads=True), f"heads: {WHOLE}, got true"),
    "beyond all sizes": (llama(vocab_size=2**63), f"vocab_size: {WHOLE}, got {2**63}"),
    "heads by layer": (llama(num_attention_heads=[8, 4]), f"heads: {WHOLE}, got [8, 4]"),
    "a window of no length": (llama(sliding_window=0), f"sliding_window: {WHOLE}, got 0"),
    "no rope base": (llama(rope_theta=-1), "rope_theta: expected a number above 0, got -1"),
    "a rope base that is a word": (llama(rope_theta="1e4"), "expected a number above 0, got '1e4'"),
    "rope parameters that are none": (llama(rope_parameters=[1]), "expected an object, got [1]"),
    "no rope base of a kind of layer": (
        llama(rope_parameters={FULL: {"rope_theta": 0}}),
        f"rope_parameters: {FULL}: rope_theta: expected a number above 0, got 0",
    ),
    "a flag that is a word": (llama(use_sliding_window="no"), "expected true or false, got 'no'"),
    "two spellings": (
        llama(n_head=4),
        "num_attention_heads: 8 and n_head 4 disagree; keep one",
    ),
    "a section that is none": (
        {"text_config": [1]},
        "text_config: expected an object, got [1]",
    ),
    "a section without heads": (
        {"text_config": {"hidden_size": 64}},
        "text_config: num_attention_heads: expected it",
    ),
    "layers of other kinds": (
        llama(sliding_window=16, layer_types=["chunked_attention"]),
        "layer_types: expected full_attention or sliding_attention among them",
    ),
    "kinds of layers that are no words": (
        llama(layer_types=[1, 2]),
        "layer_types: expected a list of words, got [1, 2]",
    ),
    "sliding layers without a window": (
        llama(layer_types=[SLIDING]),
        "layer_types: has sliding_attention, expected a sliding_window, too",
    ),
    "a window from no layer on": (
        llama(sliding_window=16, use_sliding_window=True, max_window_layers=-1),
        "max_window_layers: expected a whole number of at least 0, got -1",
    ),
    "latent attention": (llama(kv_lora_rank=512), "kv_lora_rank: multi-head latent attention"),
    "a U-Net": (
        {"block_out_channels": [32, 64], "attention_head_dim": 8},
        "block_out_channels: a U-Net, whose stages",
    ),
}
