"""What each preset asks of mixers. Torch-free: plain Python that names problems and axes."""

from bench import Axis, Sweep, sweep

SMALL: dict[str, Axis] = {"width": 64, "num_heads": 4}  # two cores, one thread
# On a GPU definitions bound the sizes: all pairs in float64, and every state where there is a
# backward pass.
WIDE: dict[str, Axis] = {"width": 1024, "num_heads": 16, "dtype": "bfloat16"}
BACKWARD: dict[str, Axis] = {"pass": "fwd_bwd"}
# What variants say of themselves (`@variant(marks=…)`). Equal cases are kept once.
#   matrix  weighs all n x n pairs of tokens
#   gpu     not for a CPU, which is told in one sweep
SHORT: dict[str, Axis] = {"width": 256, "num_heads": 4, "seqlen": 128}  # weights outweigh pairs
# The sizes at which a state's bytes are counted and nothing is timed.
COUNTED: dict[str, Axis] = {"width": 16, "num_heads": 2, "rounds": 0}
LEARNER: dict[str, Axis] = {"batch": 16, "seqlen": 32, "width": 32, "num_heads": 2}
# One layer behind a short convolution can recall: this few pairs tell apart who does.
RECALLER: dict[str, Axis] = {**LEARNER, "seqlen": 20, "num_layers": 1, "num_pairs": 4}
RECALLS = ("AssociativeRecall", "SelectiveCopying")


def smoke(device: str) -> list[Sweep]:
    """Show what layers take and what decoding keeps, by length, and every memory.

    On a GPU, where ten minutes are all that smoke has, that two layers are right.
    """
    if device == "cuda":
        return [_here("Layer", **WIDE, seqlen=512, rounds=0).marked("matrix")]
    return [
        sweep("Layer", **SMALL, seqlen=256, rounds=3),
        _here("Layer", **SMALL, seqlen=1024),
        _here("Decoding", **SMALL, context=(256, 1024), rounds=0),
        sweep("Reconstruction", seqlen=256, num_coefficients=16, cycles=2.0, **_looked_at(2)).at(
            rounds=0
        ),
    ]


def quick(device: str) -> list[Sweep]:
    """Ask how cost grows, what is kept, and what is learned in seconds."""
    if device == "cuda":
        return _large((512, 1024, 2048), 200)
    return [
        sweep("Layer", **SMALL, seqlen=(256, 1024, 2048), rounds=4),
        _here("Layer", **SMALL, seqlen=256, rounds=4, **BACKWARD),
        _here("Layer", **SHORT).marked("matrix"),
        _here("Decoding", **SMALL, context=(256, 4096), rounds=4),
        _here("Decoding", **COUNTED, context=(1024, 65536)),
        _here("TextLearning", **LEARNER, num_steps=100, quality_seeds=3, rounds=3),
        _here("AssociativeRecall", **RECALLER, num_steps=500, quality_seeds=3, rounds=3),
        _memories((512, 1024), 3).at(rounds=0),
    ]


def _here(problem: str, **axes: Axis) -> Sweep:
    """Ask what runs anywhere."""
    return sweep(problem, **axes).unmarked("gpu")


def standard(device: str) -> list[Sweep]:
    """Ask in the width of a small language model, and for longer learning."""
    return _asked((512, 1024, 2048, 4096), 2000, 3)


def full(device: str) -> list[Sweep]:
    """Ask for longer learning, of more seeds."""
    return _asked((512, 1024, 2048, 4096), 5000, 5)


def _large(seqlens: tuple[int, ...], num_steps: int) -> list[Sweep]:
    """Fit a GPU."""
    shape: dict[str, Axis] = {**WIDE, "rounds": 3}
    learner: dict[str, Axis] = {**LEARNER, "num_steps": num_steps, "quality_seeds": 1}
    return [
        sweep("Layer", **shape, seqlen=seqlens),
        sweep("Layer", **shape, seqlen=seqlens[0], **BACKWARD),
        sweep("Decoding", **shape, context=seqlens),
        *(sweep(task, **learner) for task in ("TextLearning", *RECALLS)),
        sweep("Reconstruction", **_looked_at(1)),
    ]


def _asked(seqlens: tuple[int, ...], num_steps: int, seeds: int) -> list[Sweep]:
    learner: dict[str, Axis] = {"batch": 64, "width": 64, "num_heads": 4, "quality_seeds": seeds}
    return [
        sweep("Layer", **WIDE, seqlen=seqlens, compiled=(False, True)),
        sweep("Layer", **WIDE, seqlen=seqlens[:-2], **BACKWARD),
        sweep("Decoding", **WIDE, context=(*seqlens, 65536)),
        *(
            sweep(task, **learner, seqlen=64, num_steps=num_steps)
            for task in ("TextLearning", *RECALLS)
        ),
        _memories((1024, 4096), seeds),
    ]


def _memories(seqlens: tuple[int, ...], seeds: int) -> Sweep:
    return sweep("Reconstruction", seqlen=seqlens, rule=("bilinear", "zoh"), quality_seeds=seeds)


def _looked_at(seeds: int) -> dict[str, Axis]:
    return {"rule": ("bilinear", "zoh"), "quality_seeds": seeds}
