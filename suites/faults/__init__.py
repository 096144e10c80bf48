"""One variant per way to fail; `bench run suites.faults` shows every outcome as a row."""
