"""The instrument's own commands; `reports` adds those that read."""
