"""What is read of a comparison: terminal, CSV, Markdown for a job summary, one HTML page."""
