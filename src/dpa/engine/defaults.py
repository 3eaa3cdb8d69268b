"""Defaults that the engine and the command line share; no imports, so that `dpa --help` stays quick."""

FLOW_SIZE = 384
"""Longer side of the pictures that flow is computed from, pixels."""
SMOOTH = 0.5
"""Weight of the frames beside a frame, moved along the flow (`dpa.engine.propagation.smoothed`)."""
