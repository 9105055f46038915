"""LPM-Bench: critics, metrics, controls, statistics and result tables."""
