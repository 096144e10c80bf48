"""How far times wander here, as earlier selftests found."""

from __future__ import annotations

from bench.cases.counted import counted
from bench.errors import UserError
from bench.health.finding import Finding
from bench.health.summary import ASK
from bench.judging.noise import LEAST_SELFTESTS, known
from bench.store.known_noise import Noise

RUN_ONE = "run `bench selftest`: it says which changes this machine hides, and compare needs it"
RUN_MORE = "repeat `bench selftest` on other days: they may differ by more than minutes do"


def selftests(machine_id: str, device: str) -> Finding:
    """Tell how many selftests are kept of this machine, and whether they are enough."""
    try:
        found = known(machine_id, device)
    except UserError as error:
        return Finding("selftest", str(error), RUN_ONE)
    if found is None:
        return Finding("selftest", f"none of {device} is kept", RUN_ONE)
    seen = (
        f"{found.num_selftests} of {device} kept, {counted(found.num_sessions, 'session')} in all"
    )
    return Finding("selftest", seen, RUN_MORE if found.num_selftests < LEAST_SELFTESTS else "")


def wander(machine_id: str, device: str) -> str:
    """Say how far the same work differs from process to process; how to find out if unknown."""
    try:
        return _in_words(known(machine_id, device) or Noise())
    except UserError:
        return ASK


def _in_words(noise: Noise) -> str:
    spreads = sorted(
        (spread.sd, kind)
        for kind, found in noise.kinds.items()
        if (spread := found.pairs.get(found.judged))
    )
    if not spreads:
        return ASK
    told = [f"{sd:.1%} ({kind})" for sd, kind in (spreads[0], spreads[-1])]
    return f"from process to process by {' to '.join(dict.fromkeys(told))}, selftests found"
