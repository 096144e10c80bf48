"""`python -m bench` is the `bench` command."""

from touchstone import main

main()
