"""What each preset asks of precision. Torch-free: plain Python that names problems and axes."""

from bench import Axis, Sweep, sweep
from suites.precision.standards import STANDARDS

# A GPU fills its tensor cores only with wide layers; two CPU cores are busy with narrow ones.
GPT_SMALL: dict[str, Axis] = {"seqlen": 64, "num_layers": 2, "num_heads": 4, "dim": 128}
GPT_WIDE: dict[str, Axis] = {"batch": 8, "seqlen": 128, "num_layers": 4, "num_heads": 4, "dim": 256}
# Half its layers at half its batch are busy with the same products in a quarter of the time.
GPT_BUSY: dict[str, Axis] = {**GPT_WIDE, "batch": 4, "num_layers": 2}
GPT_GPU: dict[str, Axis] = {
    "batch": 16,
    "seqlen": 1024,
    "num_layers": 12,
    "num_heads": 12,
    "dim": 768,
}
# A third of that one's layers at twice its batch: the device, not the launches, is what takes time
# (at a quarter of these tokens an H200 is launch-bound but in float32), and a check stays short.
GPT_SHOWN: dict[str, Axis] = {**GPT_GPU, "batch": 32, "num_layers": 4}
UNET_SHOWN: dict[str, Axis] = {"batch": 64, "channels": 64}


# What variants say of themselves (`@variant(marks=…)`):
#   beside   a policy besides those that everybody weighs: asked where it tells most, and from
#            standard on everywhere
#   float16  a wide step takes seconds on a CPU without float16 products


def smoke(device: str) -> list[Sweep]:
    """Show the usual policies on both workloads, small."""
    if device == "cuda":
        return [
            _usual("GPTTraining", **GPT_SHOWN, num_steps=20, rounds=3, quality_seeds=1),
            _usual("UNetTraining", **UNET_SHOWN, num_steps=20, rounds=3, quality_seeds=1),
        ]
    return [
        _usual("GPTTraining", **GPT_SMALL, batch=4, num_steps=15, quality_seeds=3),
        _usual("UNetTraining", batch=16, channels=16, num_steps=15, quality_seeds=3),
    ]


def quick(device: str) -> list[Sweep]:
    """Ask every policy where precision matters, the usual ones at two widths of the GPT."""
    if device == "cuda":
        return [
            sweep("FineTuning", quality_seeds=5, rounds=3),
            _climbing(quality_seeds=5, rounds=0),
            _formats(),
            _usual("GPTTraining", **GPT_GPU, num_steps=100, quality_seeds=3),
            _usual("UNetTraining", batch=256, channels=128, num_steps=100, quality_seeds=3),
        ]
    return [
        sweep("FineTuning", quality_seeds=5, rounds=3),
        _climbing(quality_seeds=5, rounds=0),
        _formats(),
        # of these one step tells: of its gradients how they are summed, of its bytes what is kept
        _usual("FineTuning", micro_batches=32, rounds=0),
        _usual("GPTTraining", **GPT_SMALL, batch=8, checkpointing="full", rounds=0).unmarked(
            "float16"
        ),
        _usual("GPTTraining", **GPT_SMALL, batch=8, num_steps=60, quality_seeds=3, shares=2),
        _usual("GPTTraining", **GPT_BUSY, num_steps=20, quality_seeds=3, shares=2).unmarked(
            "float16"
        ),
        _usual("UNetTraining", batch=32, channels=16, num_steps=60, quality_seeds=3, shares=2),
    ]


def _climbing(**axes: Axis) -> Sweep:
    """Ask for a scale that doubles so soon that it meets the end of float16 within a training."""
    return sweep("FineTuning", growth_interval=4, **axes).having("growth_interval")


def _formats() -> Sweep:
    """Ask what every format holds, which takes no time worth telling."""
    return sweep("NumberFormat", format=tuple(STANDARDS), rounds=0)


def _usual(problem: str, **axes: Axis) -> Sweep:
    return sweep(problem, **axes).unmarked("beside")


def standard(device: str) -> list[Sweep]:
    """Ask for trajectories long enough to tell policies apart."""
    gpt = GPT_GPU if device == "cuda" else GPT_WIDE
    return [
        sweep("FineTuning", num_steps=500, quality_seeds=5),
        _climbing(quality_seeds=5, rounds=0),
        _formats(),
        sweep("GPTTraining", **gpt, num_steps=500, quality_seeds=3),
        _usual("FineTuning", micro_batches=(8, 32), rounds=0),
        _usual("GPTTraining", **gpt, checkpointing=("full", "selective")),
        _usual("GPTTraining", **gpt, adamw=("foreach", "fused")),
        sweep("UNetTraining", batch=128, channels=64, num_steps=500, quality_seeds=3),
    ]


def full(device: str) -> list[Sweep]:
    """Ask the same of more seeds."""
    gpt = GPT_GPU if device == "cuda" else GPT_WIDE
    return [
        sweep("FineTuning", num_steps=500, quality_seeds=10),
        _climbing(quality_seeds=10, rounds=0),
        _formats(),
        sweep("GPTTraining", **gpt, num_steps=2000, quality_seeds=5),
        _usual("FineTuning", micro_batches=(8, 32), rounds=0),
        _usual("GPTTraining", **gpt, checkpointing=("full", "sqrt", "selective")),
        _usual("GPTTraining", **gpt, adamw=("foreach", "fused")),
        sweep("UNetTraining", batch=128, channels=64, num_steps=2000, quality_seeds=5),
    ]
