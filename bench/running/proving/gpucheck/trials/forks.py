"""Forks of a server keep CUDA after every suite's imports, and how long a context takes."""

from __future__ import annotations

from bench.running.proving.gpucheck.finding import Figure
from bench.running.proving.gpucheck.trial import Here

ORDER = 10
LIMIT_S = 120

CONTEXT_S = (0.01, 10.0)


def ask(here: Here) -> list[Figure]:
    """Begin CUDA in two forks of a server for every set of modules that cases want imported."""
    with here.server() as server:
        cases = here.listed(server)
    preloads = sorted({tuple(case.preload) for case in cases} | {()})
    return [figure for preload in preloads for figure in _after(here, preload)]


def _after(here: Here, preload: tuple[str, ...]) -> list[Figure]:
    with here.server(preload) as server:
        forks = [here.attempt(server, {"device": here.device}, 60.0) for _ in range(2)]
        left_out = server.hello.get("left_out", [])
    return figures(preload, [fork["elapsed_s"] for fork in forks], left_out)


def figures(preload: tuple[str, ...], contexts_s: list[float], left_out: list[str]) -> list[Figure]:
    """Judge the seconds of contexts, and what a server had to leave out to keep CUDA for them."""
    after = f"after {', '.join(preload)}" if preload else "after torch alone"
    return [
        Figure(f"a context {after}", min(contexts_s), "s", *CONTEXT_S),
        Figure(f"modules left out {after}", len(left_out), "1", 0, 0),
    ]
