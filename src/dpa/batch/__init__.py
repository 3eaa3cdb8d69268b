"""Many videos: each is a job of plain data, and its result is a row."""

from typing import TYPE_CHECKING

from dpa._lazy import lazy

if TYPE_CHECKING:
    from dpa.batch.job import Job, Row
    from dpa.batch.local import run
    from dpa.batch.work import segment_one

__all__ = ["Job", "Row", "run", "segment_one"]

__getattr__ = lazy(__name__, {"Job": "job", "Row": "job", "run": "local", "segment_one": "work"})
