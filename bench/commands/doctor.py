"""`bench doctor`: is this machine fit to measure on, in plain words."""

from __future__ import annotations

from bench.system.terminal import Screen


def doctor() -> None:
    """Look at what makes this machine's numbers noisy or impossible, and say what to do.

    Looks at the CPU for two seconds; measures nothing else.

    **Example**

    - `bench doctor`
    """
    from bench.health.findings import device_of, findings
    from bench.health.noise import wander
    from bench.health.summary import summary
    from bench.machine import facts as machine

    screen, facts = Screen(), machine.facts()
    found = []
    for finding in findings(facts):
        found.append(finding)
        mark = ("!", "yellow") if finding.advice else ("+", "green")
        screen.tell(mark, " ", (finding.what, "bold"), f": {finding.seen}")
        if finding.advice:
            screen.print(f"    {finding.advice}")
    screen.print()
    screen.print(summary(found, wander(facts["machine_id"], device_of(facts))))
