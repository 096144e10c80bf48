"""What each preset asks of samplers. Torch-free: plain Python that names problems and axes."""

from bench import Axis, Plain, Sweep, Values, sweep

TELLS = "digits_mixture"  # nothing to train, exact moments, fresh images without end
GUIDED = "mlp_classes"  # a network that errs, with classes
FLOWS = ("mlp_flow", "mlp_flow_uniform")  # they differ in the times of their training
FORMS = ("mlp_edm", "mlp_eps", "mlp_x0", "mlp_v", *FLOWS)  # in what the network predicts
EXACT = (TELLS, "mixture2", "mixture64", "posterior")
SHOWS_ORDER = "mixture2"
BUDGETS = (5, 10, 20, 50, 100)
FEW = (1, 2, 5)
FULL_COUNT = 1000  # the steps DDPM was published with
ENLARGED = "digits_mixture16"  # twice the sides of what tells, and as exact
SCALES = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)  # the last is beyond any optimum
SKIP_SCALES, SKIP_NFE = (0.8, 0.9, 1.0), (19, 39)  # as published; Heun's at 9 is far off here
UPSAMPLE_SCALES = (0.0, 1.0)
UNTIMED: dict[str, Axis] = {"rounds": 0}

# Marks of variants.
VARIES = "variation"  # of a family that another stands for, where few are asked
SOLVES_NO_ODE = "stochastic"  # there is no solution to compare with
GUIDES = "guidance"  # needs a ground with classes, and is another question on it
SCALES_SKIPS = "skips"  # needs a U-Net
UPSAMPLES = "resolution"  # needs a ground that knows itself at half of its sides
ONE_STEP = "one step"  # takes one evaluation, whatever the budget
THOUSAND = "full count"  # was published with that many steps
# asked on grounds, or at a budget, of their own
ELSEWHERE = (GUIDES, SCALES_SKIPS, UPSAMPLES, ONE_STEP)


def smoke(device: str) -> list[Sweep]:
    """Show how many evaluations are enough: nothing to train but the features' classifier.

    On a GPU every attempt costs a second beside its work: fewer budgets and rounds, and no orders,
    which are the same on a CPU.
    """
    told = sweep("Sampling", ground=TELLS, nfe=10, quality_seeds=3)
    if device == "cuda":
        asked = [told.at(rounds=2), told.at(nfe=(20, 50), **UNTIMED)]
    else:
        orders = sweep("Sampling", ground=SHOWS_ORDER, nfe=20, quality_seeds=1, **UNTIMED)
        asked = [told, told.at(nfe=(5, 20, 50), **UNTIMED), orders.unmarked(SOLVES_NO_ODE)]
    return [each.unmarked(VARIES) for each in asked]


def quick(device: str) -> list[Sweep]:
    """Ask of every sampler what its evaluations buy on an exact ground, and of some on networks."""
    seeds: dict[str, Axis] = {"quality_seeds": 3, **UNTIMED}
    return [
        sweep("Sampling", ground=TELLS, nfe=10, quality_seeds=3).unmarked(VARIES, *ELSEWHERE),
        sweep("Sampling", ground=TELLS, nfe=(20, 50), **seeds).unmarked(VARIES, *ELSEWHERE),
        sweep("Sampling", ground=TELLS, nfe=(5, 10), **seeds).unmarked(*ELSEWHERE),
        sweep("Sampling", ground="mlp", nfe=(10, 20), **seeds).unmarked(VARIES),
        sweep("Sampling", ground=TELLS, nfe=100, **seeds).marked(THOUSAND),
        *_few_of_full_count(**seeds),
        sweep("Sampling", ground=SHOWS_ORDER, nfe=20, **seeds).unmarked(SOLVES_NO_ODE, *ELSEWHERE),
        *_few_steps(**seeds),
        sweep("Sampling", ground=TELLS, nfe=1, quality_seeds=3).marked(ONE_STEP),
        sweep("Sampling", ground=FLOWS, nfe=(5, 10, 20), **seeds).having("shift"),
        *_guidance(GUIDED, quality_seeds=3),
        *_shifts(10, **seeds),
        # a U-Net's images are dear on a CPU: fewer of them, at one budget
        *_training_free(10, SKIP_NFE[0], num_images=300, batch=16, **seeds),
    ]


def standard(device: str) -> list[Sweep]:
    """Ask of the U-Net what `quick` asks of the small network, and time the exact grounds too.

    A thousand steps of the U-Net for 1000 images are minutes on a CPU, beyond an attempt's time.
    """
    exact = (TELLS, "mlp", "posterior")
    counted = exact if device == "cpu" else ("unet", *exact)
    return [
        sweep(
            "Sampling", ground=("unet", "mlp"), nfe=BUDGETS, batch=_batch, quality_seeds=3
        ).unmarked(*ELSEWHERE),
        *_full_count(counted, quality_seeds=3),
        sweep("Sampling", ground=EXACT, nfe=BUDGETS, quality_seeds=3).unmarked(*ELSEWHERE),
        sweep("Sampling", ground=FORMS, nfe=BUDGETS, quality_seeds=3, **UNTIMED).unmarked(
            VARIES, *ELSEWHERE
        ),
        *_few_steps(quality_seeds=5),
        sweep("Sampling", ground=(TELLS, "mlp"), nfe=1, quality_seeds=5).marked(ONE_STEP),
        *_guidance((GUIDED, TELLS), quality_seeds=5),
        *_shifts((5, 10, 20), quality_seeds=5),
        *_training_free((10, 20, 50), SKIP_NFE, quality_seeds=5),
    ]


def full(device: str) -> list[Sweep]:
    """Ask at more budgets, batches, orders and seeds, and for every sampler on every grid."""
    more = (5, 7, 10, 15, 20, 30, 50, 75, 100, 200)
    grids = ("karras", "log", "vp", "flow")
    wide = sweep("Sampling", ground=("unet", *EXACT), nfe=BUDGETS, quality_seeds=3)
    return [
        sweep("Sampling", ground=("unet", "mlp"), nfe=more, quality_seeds=5).unmarked(*ELSEWHERE),
        sweep("Sampling", ground="unet", nfe=20, batch=(2, 8, 32, 128, 512)).unmarked(*ELSEWHERE),
        wide.at(grid=grids).unmarked(*ELSEWHERE),
        wide.at(eta=(0.0, 0.5, 1.0)).having("eta"),
        wide.at(order=(2, 3)).having("order"),
        sweep("Sampling", ground=FORMS, nfe=BUDGETS, quality_seeds=5).unmarked(*ELSEWHERE),
        *_full_count(("unet", "mlp", TELLS, "posterior"), quality_seeds=5),
        *_few_steps(quality_seeds=5),
        sweep("Sampling", ground=(TELLS, "mlp"), nfe=1, quality_seeds=5).marked(ONE_STEP),
        *_guidance((GUIDED, TELLS), quality_seeds=5),
        *_shifts((5, 10, 20), quality_seeds=5),
        *_training_free((10, 20, 50), SKIP_NFE, quality_seeds=5),
    ]


def _full_count(ground: Axis, **axes: Axis) -> list[Sweep]:
    """Ask at the full count of steps for what was published with it."""
    asked = sweep("Sampling", ground=ground, nfe=FULL_COUNT, batch=_batch, **axes)
    return [asked.marked(THOUSAND)]


def _few_of_full_count(**axes: Axis) -> list[Sweep]:
    """Ask for half of the images, at the full count of steps and where fewer are to be as near.

    Six seeds: of three, fewer steps were .89 (.60 to 1.3) times as far as all of them.
    """
    asked = sweep("Sampling", ground=TELLS, num_images=500, batch=8, **axes)
    return [
        asked.at(nfe=(100, FULL_COUNT), quality_seeds=6).marked(THOUSAND),
        asked.at(nfe=(50, 100), eta=0.0).having("eta"),
    ]


def _few_steps(**axes: Axis) -> list[Sweep]:
    """Ask the flow and what was straightened of it for one family's few steps."""
    return [sweep("Sampling", ground=("reflow", TELLS), nfe=FEW, **axes).having("shift")]


def _guidance(ground: Axis, **axes: Axis) -> list[Sweep]:
    """Ask at every scale for its distance, and in one call of twice the batch or two for time."""
    guided = sweep("Sampling", ground=ground, nfe=20, **axes).marked(GUIDES)
    return [
        guided.at(scale=SCALES, **UNTIMED),
        guided.at(scale=1.0, batched=True, quality_seeds=0).having("batched"),
        guided.at(scale=1.0, batched=False, nfe=40, quality_seeds=0).having("batched"),
    ]


def _training_free(nfe: Axis, skip_nfe: Axis, **axes: Axis) -> list[Sweep]:
    """Ask a U-Net for less of its skips, and to be guided above its resolution."""
    skips = sweep("Sampling", ground="unet", nfe=skip_nfe, skip_scale=SKIP_SCALES, **axes)
    above = sweep("Sampling", ground="unet16", nfe=nfe, upsample_scale=UPSAMPLE_SCALES, **axes)
    return [skips.marked(SCALES_SKIPS), above.marked(UPSAMPLES)]


def _shifts(nfe: Axis, **axes: Axis) -> list[Sweep]:
    """Ask along schedules that are shifted for twice the sides, there and where they are not."""
    shift = sweep("Sampling", ground=(ENLARGED, TELLS), nfe=nfe, **axes)
    return [
        shift.at(shift=(1.0, 2.0)).having("shift"),
        shift.at(grid=("cosine", "cosine_shifted"), eta=0.0).having("eta"),
    ]


def _batch(values: Values) -> Plain:
    """Fewer images a call where a call is long."""
    nfe = values["nfe"]
    if not isinstance(nfe, int):
        raise ValueError(f"expected a whole nfe, got {nfe!r}")
    return 8 if nfe >= FULL_COUNT else 32
