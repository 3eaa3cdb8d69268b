"""Measuring speed and memory on the user's machine: `dpa bench`.

Every figure is measured in a process of its own (`dpa.bench.worker`), so that no stage's memory or threads
disturb another's. `dpa.bench.run` starts them and gathers what they say.
"""
