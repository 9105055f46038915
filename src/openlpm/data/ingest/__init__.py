"""Ingest: what a file is, whether it is whole, whose it is, and whether it is there twice."""
