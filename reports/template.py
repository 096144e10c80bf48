"""What every page shares: templates that escape, and scripts that need no network."""

from __future__ import annotations

import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render_template(name: str, **values: Any) -> str:
    """Fill a template. Every text is escaped, in HTML and inside scripts."""
    environment = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["json_script"] = json_script
    return environment.get_template(name).render(**values)


def json_script(value: Any) -> str:
    """Write JSON that cannot end the script element it stands in."""
    from markupsafe import Markup

    text = json.dumps(value, default=str)
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return Markup(text)


def vega_bundle() -> str:
    """Return Vega, Vega-Lite and their embedder as one script."""
    import vl_convert

    bundle: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    return bundle.replace("</script", "<\\/script")
