"""One file a trial, found by looking: what it asks of a card, and what it expects of the answer.

A module defines `ORDER` (trials go up by it), `LIMIT_S` (it is ended then) and `ask(here)`, which
returns figures; `parts()`, where there is one, names the parts that are told apart. The first line
of its docstring says what it asks. Nothing here imports torch: what runs on the card is in
`bench.running.proving.gpucheck.on_device`.
"""
