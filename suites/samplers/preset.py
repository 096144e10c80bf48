"""What each preset asks of samplers. Torch-free: plain Python that names problems and axes."""

from bench import Axis, Plain, Sweep, Values, sweep

EXACT = ("mixture2", "mixture64", "posterior")
BUDGETS = (5, 10, 20, 50, 100)
FULL_COUNT = 1000  # the steps DDPM was published with
SOLVES_NO_ODE = "stochastic"  # a mark: there is no solution to compare with
UNTIMED: dict[str, Axis] = {"rounds": 0}


def smoke(device: str) -> list[Sweep]:
    """Show every sampler on exact grounds: nothing to train but the features' classifier."""
    if device == "cuda":  # an attempt costs a second beside its samples
        few: dict[str, Axis] = {"quality_seeds": 1}
        return [
            sweep("Sampling", ground="posterior", nfe=(10, 40), rounds=2, **few),
            sweep("Sampling", ground="mixture2", nfe=40, **few, **UNTIMED).unmarked(SOLVES_NO_ODE),
        ]
    return [
        sweep("Sampling", ground="posterior", nfe=(10, 40), quality_seeds=3),
        sweep("Sampling", ground="mixture2", nfe=(10, 40), quality_seeds=1, **UNTIMED).unmarked(
            SOLVES_NO_ODE
        ),
    ]


def quick(device: str) -> list[Sweep]:
    """Ask for distance against cost on a small trained network, and for error on exact grounds."""
    return [
        sweep("Sampling", ground="mlp", nfe=BUDGETS, batch=_batch, quality_seeds=3),
        *_full_count("mlp", quality_seeds=3, **UNTIMED),
        sweep("Sampling", ground="posterior", nfe=(10, 20, 50), quality_seeds=3, **UNTIMED),
        sweep("Sampling", ground=EXACT[:2], nfe=(10, 20, 50), quality_seeds=3, **UNTIMED).unmarked(
            SOLVES_NO_ODE
        ),
    ]


def standard(device: str) -> list[Sweep]:
    """Ask of the U-Net what `quick` asks of the small network, and time the exact grounds too.

    A thousand steps of the U-Net for 898 images are minutes on a CPU, beyond an attempt's time.
    """
    counted = ("mlp", "posterior") if device == "cpu" else ("unet", "mlp", "posterior")
    return [
        sweep("Sampling", ground=("unet", "mlp"), nfe=BUDGETS, batch=_batch, quality_seeds=3),
        *_full_count(counted, quality_seeds=3),
        sweep("Sampling", ground=EXACT, nfe=BUDGETS, quality_seeds=3),
    ]


def full(device: str) -> list[Sweep]:
    """Ask at more budgets, batches and seeds, and for every sampler on every grid."""
    more = (5, 7, 10, 15, 20, 30, 50, 75, 100, 200)
    grids = ("karras", "log", "vp", "flow")
    return [
        sweep("Sampling", ground=("unet", "mlp"), nfe=more, quality_seeds=5),
        sweep("Sampling", ground="unet", nfe=20, batch=(2, 8, 32, 128, 512)),
        sweep("Sampling", ground=("unet", *EXACT), nfe=BUDGETS, grid=grids, quality_seeds=3),
        sweep("Sampling", ground="unet", nfe=BUDGETS, eta=(0.0, 0.5, 1.0), quality_seeds=3).having(
            "eta"
        ),
        *_full_count(("unet", "mlp", "posterior"), quality_seeds=5),
    ]


def _full_count(ground: Axis, **axes: Axis) -> list[Sweep]:
    """Ask for what draws noise in every step at the full count of steps it was published with."""
    asked = sweep("Sampling", ground=ground, nfe=FULL_COUNT, batch=_batch, **axes)
    return [asked.marked(SOLVES_NO_ODE)]


def _batch(values: Values) -> Plain:
    """Fewer images a call where a call is long."""
    nfe = values["nfe"]
    if not isinstance(nfe, int):
        raise ValueError(f"expected a whole nfe, got {nfe!r}")
    return 8 if nfe >= FULL_COUNT else 32
