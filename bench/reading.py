"""A door for authors of commands: run folders, models' configurations, the screen, pages."""

from bench.cases.page import Page, Table, write_page
from bench.judging.record import fold
from bench.selecting.like.config import model_of
from bench.selecting.like.given import config_like
from bench.store import Run, read
from bench.system.csv import write_rows
from bench.system.files import cannot_write
from bench.system.sizes import size_of
from bench.system.terminal import Screen

__all__ = [
    "Page",
    "Run",
    "Screen",
    "Table",
    "cannot_write",
    "config_like",
    "fold",
    "model_of",
    "read",
    "size_of",
    "write_page",
    "write_rows",
]
