"""Find trials by looking into the modules of `bench.running.proving.gpucheck.trials`."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

from bench.running.proving.gpucheck import trials
from bench.running.proving.gpucheck.finding import Figure
from bench.running.proving.gpucheck.trial import Here, Trial


def found() -> list[Trial]:
    """Return every trial there is, in order."""
    names = [f"{trials.__name__}.{info.name}" for info in pkgutil.iter_modules(trials.__path__)]
    every = [trial for name in names for trial in trials_of(name)]
    return sorted(every, key=lambda trial: (trial.order, trial.part))


def trials_of(name: str) -> list[Trial]:
    """Return the trials of a module: one, or one for each of its parts."""
    module: Any = importlib.import_module(name)
    # under -OO there are no docstrings
    about = (module.__doc__ or name.rpartition(".")[2]).strip().splitlines()[0]
    parts: list[str] = module.parts() if hasattr(module, "parts") else [""]
    return [Trial(name, part, module.ORDER, module.LIMIT_S, about) for part in parts]


def ask(name: str, here: Here) -> list[Figure]:
    """Run the trial of a module in this process."""
    module: Any = importlib.import_module(name)
    figures: list[Figure] = module.ask(here)
    return figures
