"""Procedural performers: identities, motion, voices and rendering, with exact ground truth."""
