"""What each preset asks of samplers. Torch-free: plain Python that names problems and axes."""

from bench import Axis, Plain, Sweep, Values, sweep

TELLS = "digits_mixture"  # nothing to train, exact moments, fresh images without end
EXACT = (TELLS, "mixture2", "mixture64", "posterior")
SHOWS_ORDER = "mixture2"
BUDGETS = (5, 10, 20, 50, 100)
FULL_COUNT = 1000  # the steps DDPM was published with
SOLVES_NO_ODE = "stochastic"  # a mark: there is no solution to compare with
UNTIMED: dict[str, Axis] = {"rounds": 0}


def smoke(device: str) -> list[Sweep]:
    """Show how many evaluations are enough: nothing to train but the features' classifier."""
    few: dict[str, Axis] = {"rounds": 2} if device == "cuda" else {}  # a round is seconds there
    return [
        sweep("Sampling", ground=TELLS, nfe=10, quality_seeds=3, **few),
        sweep("Sampling", ground=TELLS, nfe=(5, 20, 50), quality_seeds=3, **UNTIMED),
        sweep("Sampling", ground=SHOWS_ORDER, nfe=20, quality_seeds=1, **UNTIMED).unmarked(
            SOLVES_NO_ODE
        ),
    ]


def quick(device: str) -> list[Sweep]:
    """Ask for distance against cost, on an exact ground and a small trained one, and for error."""
    return [
        sweep("Sampling", ground=TELLS, nfe=(10, 50), quality_seeds=3),
        sweep("Sampling", ground=TELLS, nfe=(5, 20, 100), quality_seeds=3, **UNTIMED),
        sweep("Sampling", ground="mlp", nfe=(10, 20, 50), quality_seeds=3, **UNTIMED),
        *_full_count((TELLS, "mlp"), quality_seeds=3, **UNTIMED),
        sweep("Sampling", ground="posterior", nfe=20, quality_seeds=3, **UNTIMED),
        sweep("Sampling", ground=SHOWS_ORDER, nfe=(20, 50), quality_seeds=3, **UNTIMED).unmarked(
            SOLVES_NO_ODE
        ),
    ]


def standard(device: str) -> list[Sweep]:
    """Ask of the U-Net what `quick` asks of the small network, and time the exact grounds too.

    A thousand steps of the U-Net for 1000 images are minutes on a CPU, beyond an attempt's time.
    """
    exact = (TELLS, "mlp", "posterior")
    counted = exact if device == "cpu" else ("unet", *exact)
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
        *_full_count(("unet", "mlp", TELLS, "posterior"), quality_seeds=5),
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
