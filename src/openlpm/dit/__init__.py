"""The character transformer: one trunk for Base and Online, from nano to 17 B."""
