"""`bench doctor`: is this machine fit to measure on, in plain words."""

from __future__ import annotations

from rich.console import Console


def doctor() -> None:
    """Look at what makes this machine's numbers noisy or impossible, and say what to do.

    Looks at the CPU for two seconds; measures nothing else.

    **Example**

    - `bench doctor`
    """
    from bench import machine
    from bench.health.findings import device_of, findings
    from bench.health.noise import wander
    from bench.health.summary import summary

    console, facts = Console(), machine.facts()
    found = []
    for finding in findings(facts):
        found.append(finding)
        mark = "[yellow]![/]" if finding.advice else "[green]+[/]"
        console.print(f"{mark} [bold]{finding.what}[/]: ", end="")
        console.print(finding.seen, markup=False, highlight=False)
        if finding.advice:
            console.print(f"    {finding.advice}", markup=False, highlight=False)
    console.print()
    told = summary(found, wander(facts["machine_id"], device_of(facts)))
    console.print(told, markup=False, highlight=False)
