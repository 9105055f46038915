"""Real time: performances without end, made by a worker and played by a clock; knows no transport."""
