"""Filters: scores of a clip, each kept, each with a threshold."""
