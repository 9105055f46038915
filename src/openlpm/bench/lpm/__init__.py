"""LPM-Bench, open: cases from seeds, entries by folder or wire, metrics that have proved that they can fail."""
