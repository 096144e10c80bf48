"""Published models whose shapes people have, for `--like`. Torch-free.

Each is the part of its configuration that tells shapes, in that file's own words. Nothing is
downloaded: a fine-tune of your own has its `config.json` beside its weights.
"""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]


def llama_3_1_8b() -> Config:
    """Llama 3.1 8B (arXiv:2407.21783): meta-llama/Llama-3.1-8B on Hugging Face, config.json."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "num_hidden_layers": 32,
        "rope_theta": 500000.0,
        "vocab_size": 128256,
    }


def qwen_2_5_7b() -> Config:
    """Qwen2.5 7B (arXiv:2412.15115): Qwen/Qwen2.5-7B on Hugging Face, config.json."""
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "num_hidden_layers": 28,
        "rope_theta": 1000000.0,
        "sliding_window": 131072,
        "use_sliding_window": False,
        "vocab_size": 152064,
    }


def mistral_7b_v0_1() -> Config:
    """Mistral 7B (arXiv:2310.06825): mistralai/Mistral-7B-v0.1 on Hugging Face, config.json."""
    return {
        "architectures": ["MistralForCausalLM"],
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "num_hidden_layers": 32,
        "rope_theta": 10000.0,
        "sliding_window": 4096,
        "vocab_size": 32000,
    }


def gemma_2_9b() -> Config:
    """Gemma 2 9B (arXiv:2408.00118): google/gemma-2-9b on Hugging Face, config.json."""
    return {
        "architectures": ["Gemma2ForCausalLM"],
        "model_type": "gemma2",  # every other layer has the window
        "attn_logit_softcapping": 50.0,
        "head_dim": 256,
        "hidden_size": 3584,
        "intermediate_size": 14336,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "num_hidden_layers": 42,
        "rope_theta": 10000.0,
        "sliding_window": 4096,
        "vocab_size": 256000,
    }


def pythia_6_9b() -> Config:
    """Pythia 6.9B (arXiv:2304.01373), a GPT-NeoX: EleutherAI/pythia-6.9b, config.json."""
    return {
        "architectures": ["GPTNeoXForCausalLM"],
        "hidden_size": 4096,
        "intermediate_size": 16384,
        "num_attention_heads": 32,
        "num_hidden_layers": 32,
        "rotary_emb_base": 10000,
        "vocab_size": 50432,
    }


def sd3_medium() -> Config:
    """Stable Diffusion 3 medium (arXiv:2403.03206): its transformer/config.json for diffusers."""
    return {
        "_class_name": "SD3Transformer2DModel",
        "attention_head_dim": 64,
        "num_attention_heads": 24,
        "num_layers": 24,
    }
