"""What every page shares: templates that escape, and scripts that need no network."""

from __future__ import annotations

import contextlib
import hashlib
import json
from importlib.metadata import version
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from bench.store import write_whole
from bench.system.cache import cache_folder
from bench.system.text import visible


def render_template(name: str, **values: Any) -> str:
    """Fill a template. Every text is escaped, in HTML and inside scripts."""
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["json_script"] = json_script
    return environment.get_template(name).render(**values)


def json_script(value: Any) -> str:
    """Write JSON that cannot end the script element it stands in."""
    from markupsafe import Markup

    text = json.dumps(_each_shown(value), default=str)
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return Markup(text)


def _shown(value: Any) -> Any:
    """Show what acts or hides in a text; markup of our own stays as it is."""
    from markupsafe import Markup

    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _each_shown(value: Any) -> Any:
    """Show it in every text and name of a specification, of which expressions have nothing such."""
    if isinstance(value, dict):
        return {_each_shown(name): _each_shown(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_each_shown(part) for part in value]
    if isinstance(value, str) and not value.isprintable():
        return visible(value)
    return value


def vega_bundle() -> str:
    """Return Vega, Vega-Lite and their embedder as one script.

    It is the same for a version of vl-convert, which takes seconds to make it: so it is kept, under
    a digest of its own, and made anew where that does not fit.
    """
    kept = cache_folder() / f"vega-{version('vl-convert-python')}.js"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        digest, _, script = kept.read_bytes().decode().partition("\n")
        if digest == _digest(script):
            return script
    script = _made_vega_bundle()
    with contextlib.suppress(OSError):  # nowhere to keep it: made again for every page
        write_whole(kept, f"{_digest(script)}\n{script}".encode())
    return script


def _made_vega_bundle() -> str:
    import vl_convert

    bundle: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    return bundle.replace("</script", "<\\/script")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
