"""`python -m bench` is the `bench` command."""

from bench.own import WINGS, settle

settle(WINGS)

from bench.cli import main  # noqa: E402

main()
