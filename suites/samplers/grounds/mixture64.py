"""Ten Gaussians in 64 dimensions, as many as a digit has pixels."""

from suites.samplers.mixture import Mixture, random_mixture


def ground(data: str | None = None) -> Mixture:
    """Return the mixture, the same every time."""
    if data is not None:
        raise ValueError("mixture64 takes no data: it is a distribution in closed form")
    return random_mixture(dim=64, num_components=10, spread=0.25, seed=64)
