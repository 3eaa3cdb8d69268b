"""From the public archives, as their sites give them, to the layout of `dpa.datasets.layout`.

A converter (one file a data set) says which pictures and annotations there are and what they are to be
called; everything else, reading zip archives, merging objects, writing, resuming, is the same for all.
"""
