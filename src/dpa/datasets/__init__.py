"""Data sets on disk: where their pictures, masks and flow lie, and in which order."""
