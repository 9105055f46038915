"""Strict safetensors, quantised storage and the bundled nano weights."""
