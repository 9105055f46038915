"""What everything may know: errors, units, seeds, the rig and the one record type."""
