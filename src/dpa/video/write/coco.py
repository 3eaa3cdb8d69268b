"""One JSON file in the format of the COCO data set."""

import json
import tempfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from dpa.arrays import Binary
from dpa.video.segmented import Segmented
from dpa.video.source import Source
from dpa.video.write.base import Sink, claim_file, output_errors, put_in_place, remove
from dpa.video.write.rle import encode

HEAD = {
    "info": {"description": "Masks of the primary object"},
    "licenses": [],
    "categories": [{"id": 1, "name": "object", "supercategory": "object"}],
}


class CocoSink(Sink):
    """A COCO dictionary: every frame in `images`, and one run-length encoded annotation for each mask not
    empty.

    Image and annotation ids are the frame's index plus one. `file_name` is the mask's name with .png, the
    same as in a folder of masks. Annotations go to disk as they come.

    Args:
        path: the file.
        source: names the frames.
        overwrite: replace an existing file when the new one is whole.

    Raises:
        OutputError: where the file exists already or is not writable.
    """

    def __init__(self, path: Path, source: Source, *, overwrite: bool = False) -> None:
        super().__init__()
        self.path = path
        self._source = source
        self._part = claim_file(path, overwrite)
        self._frames = self._objects = 0
        with output_errors(path):
            # JSON has one list after the other: the second one waits in an unnamed file.
            self._annotations: IO[str] = tempfile.TemporaryFile(  # noqa: SIM115 - open as long as the sink is
                "w+", encoding="utf-8", dir=self._part.parent
            )
            self._file: IO[str] = self._part.open("w", encoding="utf-8")
            self._file.write(json.dumps(HEAD)[:-1] + ', "images": [')

    def write(self, segmented: Segmented) -> None:
        frame, mask = segmented.frame, segmented.mask
        height, width = mask.shape
        image: dict[str, Any] = {
            "id": frame.index + 1,
            "file_name": self._source.frame_name(frame.index) + ".png",
            "width": width,
            "height": height,
        }
        if frame.time is not None:
            image["time"] = float(frame.time)
        with output_errors(self.path):
            self._file.write(",\n" * (self._frames > 0) + json.dumps(image))
            self._frames += 1
            if mask.any():
                self._annotations.write(
                    ",\n" * (self._objects > 0) + json.dumps(_annotation(frame.index, mask))
                )
                self._objects += 1

    def close(self) -> None:
        if self._file.closed:
            return
        try:
            with output_errors(self.path):
                self._file.write('],\n"annotations": [')
                self._annotations.seek(0)
                for line in self._annotations:
                    self._file.write(line)
                self._file.write("]}\n")
                self._annotations.close()
                self._file.close()
                put_in_place(self._part, self.path)
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        for file in (self._annotations, self._file):
            try:
                file.close()
            except OSError:
                # Closing writes what is left, which fails on a full disk; the file goes away anyway.
                continue
        remove(self._part)


def _annotation(index: int, mask: Binary) -> dict[str, Any]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return {
        "id": index + 1,
        "image_id": index + 1,
        "category_id": 1,
        "segmentation": encode(mask),
        "bbox": [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1],
        "area": int(mask.sum()),
        "iscrowd": 0,
    }
