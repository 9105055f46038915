"""Pairing: who listens to whom, and the voices of the two."""
