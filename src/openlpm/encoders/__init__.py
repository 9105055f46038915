"""Conditions in, tokens out: speech and text (references go through the autoencoder)."""
