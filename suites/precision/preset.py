"""What each preset asks of precision. Torch-free: plain Python that names problems and axes."""

from bench import Axis, Sweep, sweep

# A GPU fills its tensor cores only with wide layers; two CPU cores are busy with narrow ones.
GPT_SMALL: dict[str, Axis] = {"seqlen": 64, "num_layers": 2, "num_heads": 4, "dim": 128}
GPT_WIDE: dict[str, Axis] = {"batch": 8, "seqlen": 128, "num_layers": 4, "num_heads": 4, "dim": 256}
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


def smoke(device: str) -> list[Sweep]:
    """Show every policy on both workloads, small."""
    if device == "cuda":
        return [
            sweep("GPTTraining", **GPT_SHOWN, num_steps=20, rounds=3, quality_seeds=1),
            sweep("UNetTraining", **UNET_SHOWN, num_steps=20, rounds=3, quality_seeds=1),
        ]
    return [
        sweep("GPTTraining", **GPT_SMALL, batch=4, num_steps=15, quality_seeds=3),
        sweep("UNetTraining", batch=16, channels=16, num_steps=15, quality_seeds=3),
    ]


def quick(device: str) -> list[Sweep]:
    """Ask at two widths of the GPT, for longer trajectories."""
    if device == "cuda":
        return [
            sweep("GPTTraining", **GPT_GPU, num_steps=100, quality_seeds=3),
            sweep("UNetTraining", batch=256, channels=128, num_steps=100, quality_seeds=3),
        ]
    return [
        sweep("GPTTraining", **GPT_SMALL, batch=8, num_steps=60, quality_seeds=3),
        # a wide step takes seconds on a CPU without float16 products
        sweep("GPTTraining", **GPT_WIDE, num_steps=25, quality_seeds=3).unmarked("float16"),
        sweep("UNetTraining", batch=32, channels=16, num_steps=60, quality_seeds=3),
    ]


def standard(device: str) -> list[Sweep]:
    """Ask for trajectories long enough to tell policies apart."""
    gpt = GPT_GPU if device == "cuda" else GPT_WIDE
    return [
        sweep("GPTTraining", **gpt, num_steps=500, quality_seeds=3),
        sweep("UNetTraining", batch=128, channels=64, num_steps=500, quality_seeds=3),
    ]


def full(device: str) -> list[Sweep]:
    """Ask the same of more seeds."""
    gpt = GPT_GPU if device == "cuda" else GPT_WIDE
    return [
        sweep("GPTTraining", **gpt, num_steps=2000, quality_seeds=5),
        sweep("UNetTraining", batch=128, channels=64, num_steps=2000, quality_seeds=5),
    ]
