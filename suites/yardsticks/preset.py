"""Every preset asks the same of the yardsticks: small on a CPU, enough to fill a GPU on a GPU."""

from bench import Sweep, sweep


def smoke(device: str) -> list[Sweep]:
    """Ask for at least one case of every kind that the device has."""
    if device == "cuda":
        return [
            sweep("Product", n=2048),
            sweep("Sum", num_bytes=256 << 20),
            sweep("SmallAttention", num_heads=16, seqlen=1024, head_dim=64),
            sweep("SmallOperators"),
            sweep("MlpStep", batch=1024, dim=1024),
        ]
    return [
        sweep("Product", n=96),
        sweep("Product", n=192, threads=2),
        sweep("Sum", num_bytes=(4 << 20, 128 << 10)),
        sweep("SmallAttention"),
        sweep("SmallOperators"),
        sweep("MlpStep"),
        sweep("RankSum", ranks=2),
    ]


quick = standard = full = smoke
