"""Automatic video object segmentation by Dual Prototype Attention: a video goes in, masks come out."""
