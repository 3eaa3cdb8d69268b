"""Measures of masks against true masks."""
