"""Two folded runs compared: every case and quantity with a verdict, plain data to be shown."""
