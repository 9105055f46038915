"""The trainer and the step functions it runs."""
