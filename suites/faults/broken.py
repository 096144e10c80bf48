"""A module that cannot even be imported; the outcome is `error`, under the module's name."""

raise RuntimeError("this module is broken on purpose")
