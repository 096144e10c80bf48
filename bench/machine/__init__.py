"""What the machine is, what it can do at best, and what its sensors say.

Facts in the parent, ceilings in workers, probes in processes of their own.
"""
