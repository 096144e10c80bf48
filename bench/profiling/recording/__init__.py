"""What a worker records of a step with torch's profiler; the only part here that loads torch."""
