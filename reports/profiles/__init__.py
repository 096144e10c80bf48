"""Where the time of a step goes: tables and a page for every case that was profiled."""
