"""Shots: sources become clips without a cut."""
