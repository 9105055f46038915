"""OpenLPM: an open Large Performance Model (after LPM 1.0, arXiv 2604.07823)."""

__version__ = "0.1.0"
