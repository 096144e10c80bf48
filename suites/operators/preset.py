"""What each preset asks of the operators. Torch-free: plain Python that names problems and axes."""

from bench import Axis, Sweep, sweep

BACKWARD: dict[str, Axis] = {"pass": "fwd_bwd"}
UNTIMED: dict[str, Axis] = {"rounds": 0}
LOSSES = ("SoftmaxContrastive", "SigmoidContrastive")
UPSAMPLERS = ("NearestUpsampling", "BilinearUpsampling", "LearnedUpsampling")
CPU_TYPES = (
    "float32",
    "bfloat16",
)  # float16 takes a CPU without units for it sixteen times as long
BATCHES = (256, 512, 1024, 2048)


def smoke(device: str) -> list[Sweep]:
    """Ask for the memory of the losses by batch, and for the time of learned upsampling."""
    if device == "cuda":
        return [sweep("SigmoidContrastive", batch=2048, **BACKWARD, **UNTIMED)]
    return [
        *(sweep(loss, batch=BATCHES, **BACKWARD, **UNTIMED) for loss in LOSSES),
        sweep("LearnedUpsampling", batch=1, side=32, rounds=3),
    ]


def quick(device: str) -> list[Sweep]:
    """Time every operator, and the losses at every batch."""
    larger = 8 if device == "cuda" else 1
    return [
        *(sweep(loss, batch=_times(BATCHES, larger), **BACKWARD) for loss in LOSSES),
        *(sweep(kind, batch=larger, side=(16, 32, 64)) for kind in UPSAMPLERS),
        *(sweep(kind, batch=larger, side=32, **BACKWARD) for kind in UPSAMPLERS),
        sweep("GumbelSoftmax", rows=2048 * larger, **{"pass": ("fwd", "fwd_bwd")}),
        sweep("CodebookLookup", vectors=1024 * larger, codes=(256, 1024, 4096)),
        *_rates(device, rounds=3),
    ]


def standard(device: str) -> list[Sweep]:
    """Ask the same of larger batches and codebooks."""
    larger = 16 if device == "cuda" else 2
    return [
        *(sweep(loss, batch=_times(BATCHES, larger // 2), **BACKWARD) for loss in LOSSES),
        *(
            sweep(kind, batch=larger, side=(16, 32, 64, 128), **{"pass": ("fwd", "fwd_bwd")})
            for kind in UPSAMPLERS
        ),
        sweep("GumbelSoftmax", rows=2048 * larger, classes=(512, 8192), **BACKWARD),
        sweep("CodebookLookup", vectors=1024 * larger, codes=(1024, 8192, 16384)),
        *_rates(device),
    ]


full = standard


def _rates(device: str, **axes: Axis) -> list[Sweep]:
    """Ask for products and convolutions by type, square and of few rows."""
    gpu = device == "cuda"
    types: Axis = ("float32", "bfloat16", "float16") if gpu else CPU_TYPES
    square, wide, few = (4096, 8192, 16) if gpu else (512, 2048, 8)
    sizes: dict[str, Axis] = {
        "rows": (few, square),
        "cols": lambda v: wide if v["rows"] == few else square,
        "inner": lambda v: wide if v["rows"] == few else square,
    }
    images: dict[str, Axis] = {"batch": 64 if gpu else 4, "side": 64 if gpu else 32}
    return [
        sweep("MatrixProduct", dtype=types, **sizes, **axes),
        sweep("ScaledProduct", dtype="bfloat16", **sizes, **axes),
        sweep("Convolution", dtype=types, **images, **axes),
    ]


def _times(numbers: tuple[int, ...], factor: int) -> tuple[int, ...]:
    return tuple(number * factor for number in numbers)
