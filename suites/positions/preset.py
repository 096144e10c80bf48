"""What each preset asks of position encodings. Torch-free: plain Python that names problems."""

from bench import Axis, Sweep, sweep

SMALL: dict[str, Axis] = {"batch": 1, "num_heads": 4, "head_dim": 64}
GPU: dict[str, Axis] = {"batch": 4, "num_heads": 16, "head_dim": 64, "dtype": "bfloat16"}
TOLD: dict[str, Axis] = {"quality_seeds": 3}
UNTIMED: dict[str, Axis] = {"rounds": 0, "quality_seeds": 1}

# Marks of variants.
ROTARY = "rotary"  # has a base, and so a base that a context asks for
WIDE = 128  # dimensions of a head in the paper that bounds the base


def smoke(device: str) -> list[Sweep]:
    """Ask of every encoding what it costs and tells at one length, and RoPE for its bases.

    On a GPU for the bases alone: ten minutes are all that smoke has, and quick asks the rest.
    """
    if device == "cuda":
        return [_bases(GPU)]
    return [sweep("PositionedAttention", **SMALL, **TOLD, seqlen=256, rounds=3), _bases(SMALL)]


def quick(device: str) -> list[Sweep]:
    """Ask the same at more lengths, with a backward pass, and of patches that see each other."""
    if device == "cuda":
        asked = sweep("PositionedAttention", **GPU)
        return [
            asked.at(seqlen=(1024, 2048), **TOLD),
            asked.at(seqlen=1024, **{"pass": "fwd_bwd"}),
            _bases(GPU),
        ]
    asked = sweep("PositionedAttention", **SMALL)
    return [
        asked.at(seqlen=(256, 1024), **TOLD),
        asked.at(seqlen=256, causal=False, **TOLD),
        asked.at(seqlen=256, dtype="bfloat16", **TOLD),
        asked.at(seqlen=256, **{"pass": "fwd_bwd"}),
        _bases(SMALL),
    ]


def standard(device: str) -> list[Sweep]:
    """Ask for more lengths, in both passes."""
    shape = GPU if device == "cuda" else SMALL
    asked = sweep("PositionedAttention", **shape)
    return [
        asked.at(seqlen=(256, 512, 1024, 2048), **TOLD),
        asked.at(seqlen=(256, 1024), causal=False, **TOLD),
        asked.at(seqlen=(256, 1024), **{"pass": "fwd_bwd"}),
        _bases(shape),
    ]


full = standard


def _bases(shape: dict[str, Axis]) -> Sweep:
    """Ask for the bases of the head that they were published for: computed, never timed."""
    wide = {**shape, "head_dim": WIDE, "seqlen": 256}
    return sweep("PositionedAttention", **wide, **UNTIMED).marked(ROTARY)
