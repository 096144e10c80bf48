"""Six Gaussians in the plane."""

from suites.samplers.mixture import Mixture, random_mixture


def ground(data: str | None = None) -> Mixture:
    """Return the mixture, the same every time."""
    if data is not None:
        raise ValueError("mixture2 takes no data: it is a distribution in closed form")
    return random_mixture(dim=2, num_components=6, spread=0.25, seed=2)
