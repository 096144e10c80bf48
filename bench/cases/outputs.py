"""The files a run ends with, as installed packages provide them."""

from importlib.metadata import EntryPoint, entry_points

FIRST = "results.csv"


def outputs() -> list[EntryPoint]:
    """Return every output in the order of writing: the table of all cases first, pages last.

    A chart that cannot be drawn must not cost the table.
    """
    found = entry_points(group="touchstone.outputs")
    return sorted(found, key=lambda p: (p.name != FIRST, p.name.endswith(".html"), p.name))
