"""Whether a model normalises its queries and keys, and over what."""

from __future__ import annotations

from bench.selecting.like.fields import Fields, shown

PER_HEAD, ACROSS_HEADS = "qk_norm", "qk_norm_across_heads"

# Families whose configurations do not say so: their model always does, by the root mean square.
KIND = "model_type"
FAMILIES = {
    **dict.fromkeys(("qwen3", "qwen3_moe", "gemma3", "gemma3_text", "exaone4"), PER_HEAD),
    **dict.fromkeys(("olmo2", "olmo3", "olmoe"), ACROSS_HEADS),
}
# What diffusers writes; other words are other norms, as those that take means off.
FIELD = "qk_norm"
WRITTEN = {"rms_norm": PER_HEAD, "rms_norm_across_heads": ACROSS_HEADS}


def qk_norm_of(config: Fields) -> tuple[str, str]:
    """Return the noun of the norm, and the field that tells it; empty where none is told."""
    written, kind = config.get(FIELD), config.get(KIND)
    if isinstance(written, str):
        return WRITTEN.get(written, f"{FIELD}_{written}"), FIELD
    if written:
        return f"{FIELD}_{shown(written)}", FIELD
    return FAMILIES.get(kind, "") if isinstance(kind, str) else "", KIND
