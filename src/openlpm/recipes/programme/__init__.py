"""The whole programme of a training by size: its stages in order, and what each takes of memory, time and tokens."""
