"""The engine: frames -> flow -> network -> masks, bounded and streaming."""
