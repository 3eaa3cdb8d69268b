"""Frames as they are shown, without a server."""

from pathlib import Path

import cv2
import numpy as np

from dpa.engine.kept import Kept
from dpa.web import view
from dpa.web.view import Wanted
from engine_samples import make_clip


def test_one_file_given_twice_is_two_videos(tmp_path: Path) -> None:
    """Files of this machine are read where they lie: what is known of one run is not of the other."""
    clip = make_clip(tmp_path / "clip.mkv", 3)
    shown = []
    for name, value in (("empty", 0.0), ("full", 1.0)):
        kept = Kept(tmp_path / name)
        for index in range(3):
            kept.put(index, np.full((32, 32), value, np.float32))
        wanted = Wanted(str(clip), str(kept.folder), {}, 1, "mask", 3)
        _, data = view.picture(lambda message: None, wanted)
        shown.append(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE).mean())
    assert shown == [0, 255]
    for name in ("empty", "full"):
        view.forget(lambda message: None, str(tmp_path / name))
    assert not view._Videos.held
