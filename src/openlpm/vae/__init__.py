"""Pixels to latents and back, whole clip or streaming, one code path."""
