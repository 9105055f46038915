"""Conditions in, tokens out: speech, text, references."""
