"""What is read: tables, charts and pages made from folded records. Nothing here loads torch."""
