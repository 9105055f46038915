"""Metrics that the field is used to, on weights that the user supplies, each with what is known to be wrong with it."""
