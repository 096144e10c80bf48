"""Where the time of a step goes: traces, what is made of them, and what they cost.

`recording` runs in workers and loads torch; everything else reads what it left, and does not.
"""
