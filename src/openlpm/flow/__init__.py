"""Flow-matching mathematics; imports no model."""
