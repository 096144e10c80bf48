"""Sliding windows: of all layers, of some, or written down and not used.

A window of w lets a query see w positions, its own among them: what `window` means here too.
"""

from __future__ import annotations

from bench.selecting.like.fields import Fields, shown

Windows = list[int | None]  # None: layers that see everything

# Families whose layers take turns although their first configurations do not say so.
TAKE_TURNS = ("gemma2", "gemma3", "gemma3_text", "cohere2")
PATTERNS = ("sliding_window_pattern", "_sliding_window_pattern")
SLIDING, FULL = "sliding_attention", "full_attention"


def windows_of(config: Fields, num_layers: int | None) -> tuple[Windows, str]:
    """Return which windows the layers have, and by which fields."""
    kinds, turns = config.words("layer_types"), _pattern(config)
    written, first_full = config.get("sliding_window"), config.get("max_window_layers")
    if config.flag("use_sliding_window") is False:
        return [None], "use_sliding_window"
    if written is None:
        if SLIDING in kinds:
            raise config.refusal("layer_types", f"has {SLIDING}, expected a sliding_window, too")
        return [None], "no sliding_window"
    window = config.count("sliding_window")
    if kinds:
        return _by_layer(config, kinds, window), "sliding_window, layer_types"
    if turns or config.get("model_type") in TAKE_TURNS:
        return ([None] if turns == 1 else [None, window]), "sliding_window of some layers"
    if config.get("use_sliding_window") and first_full is not None:
        return _after(config, first_full, num_layers, window), "sliding_window, max_window_layers"
    return [window], "sliding_window"


def _pattern(config: Fields) -> int:
    """Return after how many layers one sees everything, 0 where nothing says so."""
    name = config.first(PATTERNS)
    return config.count(name) if name else 0


def _by_layer(config: Fields, kinds: list[str], window: int) -> Windows:
    found: Windows = [None] if FULL in kinds else []
    found += [window] if SLIDING in kinds else []
    if not found:
        raise config.refusal(
            "layer_types", f"expected {FULL} or {SLIDING} among them, got {shown(sorted({*kinds}))}"
        )
    return found


def _after(config: Fields, first_full: object, num_layers: int | None, window: int) -> Windows:
    """Return the windows where the first layers see everything and those after them do not."""
    if type(first_full) is not int or first_full < 0:
        told = f"expected a whole number of at least 0, got {shown(first_full)}"
        raise config.refusal("max_window_layers", told)
    full: Windows = [None] if first_full > 0 else []
    slide: Windows = [window] if num_layers is None or first_full < num_layers else []
    return full + slide
