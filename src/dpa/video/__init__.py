"""Reading and writing: files, folders, cameras and streams in; masks, videos and annotations out."""

from dpa.video.frame import Frame
from dpa.video.live import RawVideo
from dpa.video.read import open_source
from dpa.video.source import Source
from dpa.video.write import KINDS, Sink, kind_of, open_sink

__all__ = ["KINDS", "Frame", "RawVideo", "Sink", "Source", "kind_of", "open_sink", "open_source"]
