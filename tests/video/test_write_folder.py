"""Folders of pictures: whole or not there, and continued where they stopped."""

import errno
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from video_samples import make_folder, make_video, results, run

from dpa.errors import InputError, OutputError
from dpa.video import open_sink, open_source
from dpa.video.segmented import Segmented
from dpa.video.write.folder import write_png


@pytest.fixture
def clip(tmp_path):
    with open_source(make_video(tmp_path / "clip.mp4", 8)) as source:
        yield source


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_masks_of_a_video_are_named_by_index(tmp_path, clip):
    with open_sink(tmp_path / "out", None, clip) as sink:
        run(clip, sink)
    assert sorted(tree(tmp_path / "out")) == [f"{i:05d}.png" for i in range(8)]
    mask = cv2.imread(str(tmp_path / "out" / "00003.png"), cv2.IMREAD_UNCHANGED)
    assert mask.dtype == np.uint8
    assert np.array_equal(mask, results(3)[1] * np.uint8(255))
    assert not (tmp_path / "out.part").exists()


def test_masks_of_a_folder_are_named_like_its_pictures(tmp_path):
    folder = make_folder(tmp_path / "in", ["a_2.png", "a_10.png"])
    with open_source(folder) as source, open_sink(tmp_path / "deep" / "er" / "out", None, source) as sink:
        run(source, sink)
    assert sorted(tree(tmp_path / "deep" / "er" / "out")) == ["a_10.png", "a_2.png"]


def test_soft_masks_are_the_probability(tmp_path, clip):
    with open_sink(tmp_path / "out", "soft", clip) as sink:
        run(clip, sink)
    soft = cv2.imread(str(tmp_path / "out" / "00005.png"), cv2.IMREAD_UNCHANGED)
    assert np.abs(soft / 255 - results(5)[0]).max() <= 0.5 / 255 + 1e-6


def test_one_picture(tmp_path):
    folder = make_folder(tmp_path / "in", ["cat.png"])
    with open_source(folder / "cat.png") as source:
        with open_sink(tmp_path / "mask.png", None, source) as sink:
            run(source, sink)
        with pytest.raises(OutputError, match=r"mask\.png exists already"):
            open_sink(tmp_path / "mask.png", None, source)
        with open_sink(tmp_path / "mask.png", "rgba", source, overwrite=True) as sink:
            run(source, sink)
    assert cv2.imread(str(tmp_path / "mask.png"), cv2.IMREAD_UNCHANGED).shape == (48, 64, 4)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "mask.png"]


def test_one_picture_of_many_frames_is_refused(tmp_path, clip):
    with pytest.raises(InputError, match=r"mask\.png is one picture and clip has more frames"):
        open_sink(tmp_path / "mask.png", None, clip)


def test_an_exception_leaves_nothing_that_looks_finished(tmp_path, clip):
    with pytest.raises(KeyboardInterrupt), open_sink(tmp_path / "out", None, clip) as sink:
        run(clip, sink, 3, KeyboardInterrupt)
    assert not (tmp_path / "out").exists()
    assert sorted(tree(tmp_path / "out.part")) == ["00000.png", "00001.png", "00002.png"]


def test_what_is_painted_when_a_run_fails_is_kept_however_slow_the_disk(tmp_path, clip, monkeypatch):
    def slow(path, picture):
        time.sleep(0.05)
        write_png(path, picture)

    monkeypatch.setattr("dpa.video.write.folder.write_png", slow)
    sink = open_sink(tmp_path / "out", None, clip)
    run(clip, sink, stop=5)
    sink.abort()
    assert sorted(tree(tmp_path / "out.part")) == [f"{i:05d}.png" for i in range(5)]


def test_an_exception_before_the_first_frame_leaves_nothing(tmp_path, clip):
    with pytest.raises(RuntimeError), open_sink(tmp_path / "out", None, clip):
        raise RuntimeError
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


def unbroken(tmp_path: Path, clip) -> dict[str, bytes]:
    with open_sink(tmp_path / "unbroken", None, clip) as sink:
        run(clip, sink)
    return tree(tmp_path / "unbroken")


def test_resume_after_an_interruption(tmp_path, clip):
    with pytest.raises(KeyboardInterrupt), open_sink(tmp_path / "out", None, clip) as sink:
        run(clip, sink, 4, KeyboardInterrupt)
    with open_sink(tmp_path / "out", None, clip, resume=True) as sink:
        assert sink.start == 4
        run(clip, sink)
    assert tree(tmp_path / "out") == unbroken(tmp_path, clip)
    assert not (tmp_path / "out.part").exists()


def test_resume_with_nothing_there_starts_at_the_beginning(tmp_path, clip):
    with open_sink(tmp_path / "out", None, clip, resume=True) as sink:
        assert sink.start == 0
        run(clip, sink)
    assert tree(tmp_path / "out") == unbroken(tmp_path, clip)


def test_resume_of_a_finished_folder_changes_nothing(tmp_path, clip):
    before = unbroken(tmp_path, clip)
    sink = open_sink(tmp_path / "unbroken", None, clip, resume=True)
    assert sink.start == 8
    assert tree(tmp_path / "unbroken") == before
    sink.abort()
    with open_sink(tmp_path / "unbroken", None, clip, resume=True) as sink:
        run(clip, sink)
    assert tree(tmp_path / "unbroken") == before


def test_resume_fills_the_first_gap_of_a_folder(tmp_path, clip):
    before = unbroken(tmp_path, clip)
    (tmp_path / "unbroken" / "00002.png").unlink()
    sink = open_sink(tmp_path / "unbroken", None, clip, resume=True)
    assert sink.start == 2
    # Until the gap is filled the folder does not look finished.
    assert not (tmp_path / "unbroken").exists()
    with sink:
        run(clip, sink)
    assert tree(tmp_path / "unbroken") == before


def test_resume_is_for_folders_of_sources_that_can_be_read_again(tmp_path, clip):
    with pytest.raises(InputError, match=r"out\.mp4 is one file"):
        open_sink(tmp_path / "out.mp4", None, clip, resume=True)
    with open_source(clip.path.as_uri()) as live, pytest.raises(OutputError, match="live"):
        open_sink(tmp_path / "out", None, live, resume=True)


def test_frames_before_the_start_are_ignored(tmp_path, clip):
    with pytest.raises(KeyboardInterrupt), open_sink(tmp_path / "out", None, clip) as sink:
        run(clip, sink, 4, KeyboardInterrupt)
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out.part").iterdir()}
    with open_sink(tmp_path / "out", None, clip, resume=True) as sink:
        for frame in clip.frames():
            sink.write(Segmented(frame, *results(frame.index)))
    assert {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in before} == before


@pytest.mark.process
def test_a_killed_run_is_resumed(tmp_path, clip):
    expected = unbroken(tmp_path, clip)
    code = f"""
        import os, signal, sys
        from pathlib import Path
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import numpy as np
        from video_samples import results
        from dpa.video import open_sink, open_source
        from dpa.video.segmented import Segmented
        source = open_source({str(clip.path)!r})
        sink = open_sink({str(tmp_path / "out")!r}, None, source)
        replace = Path.replace
        def die_in_the_middle(old, new):
            if Path(new).name == "00003.png":
                os.kill(os.getpid(), signal.SIGKILL)
            return replace(old, new)
        Path.replace = die_in_the_middle
        for frame in source.frames():
            sink.write(Segmented(frame, *results(frame.index)))
    """
    process = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], timeout=500)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    with open_sink(tmp_path / "out", None, clip, resume=True) as sink:
        assert sink.start == 3
        run(clip, sink)
    assert tree(tmp_path / "out") == expected


def test_an_existing_folder_is_an_error_without_overwrite(tmp_path, clip):
    before = unbroken(tmp_path, clip)
    with pytest.raises(OutputError, match="unbroken exists already"):
        open_sink(tmp_path / "unbroken", None, clip)
    assert tree(tmp_path / "unbroken") == before


def test_an_empty_folder_is_used(tmp_path, clip):
    (tmp_path / "out").mkdir()
    with open_sink(tmp_path / "out", None, clip) as sink:
        run(clip, sink)
    assert len(tree(tmp_path / "out")) == 8


def test_overwrite_replaces_only_when_whole(tmp_path, clip):
    before = unbroken(tmp_path, clip)
    with (
        pytest.raises(KeyboardInterrupt),
        open_sink(tmp_path / "unbroken", "soft", clip, overwrite=True) as sink,
    ):
        run(clip, sink, 6, KeyboardInterrupt)
    assert tree(tmp_path / "unbroken") == before
    with open_sink(tmp_path / "unbroken", "soft", clip, overwrite=True) as sink:
        run(clip, sink)
        assert tree(tmp_path / "unbroken") == before
    after = tree(tmp_path / "unbroken")
    assert after.keys() == before.keys()
    assert after != before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "unbroken"]


def test_overwrite_never_deletes_what_is_not_a_mask(tmp_path, clip):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match=r"home holds other things than masks, such as thesis\.tex"):
        open_sink(tmp_path / "home", None, clip, overwrite=True)
    assert (tmp_path / "home" / "thesis.tex").exists()


def test_what_a_broken_run_left_is_replaced_but_nothing_else(tmp_path, clip):
    make_folder(tmp_path / "out.part", ["00007.png", "other.png"])
    with open_sink(tmp_path / "out", None, clip) as sink:
        run(clip, sink, 2)
    assert sorted(tree(tmp_path / "out")) == ["00000.png", "00001.png"]
    make_folder(tmp_path / "more.part", ["00000.png"])
    (tmp_path / "more.part" / "notes.txt").write_text("years of work")
    with pytest.raises(OutputError, match=r"more\.part is in the way"):
        open_sink(tmp_path / "more", None, clip)
    assert (tmp_path / "more.part" / "notes.txt").exists()


def test_the_input_is_never_the_output(tmp_path, clip):
    folder = make_folder(tmp_path / "in", ["0.png", "1.png"])
    with open_source(folder) as source:
        for place in (folder, tmp_path):
            with pytest.raises(OutputError, match="is what is being read"):
                open_sink(place, None, source, overwrite=True)
    with pytest.raises(OutputError, match="is what is being read"):
        open_sink(clip.path, None, clip, overwrite=True)


def test_a_file_in_the_way(tmp_path, clip):
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError, match="out is a file, not a folder"):
        open_sink(tmp_path / "out", None, clip, overwrite=True)


@pytest.mark.parametrize("name", ["out", "out.png", "out.mp4", "out.webm", "out.json"])
def test_an_unwritable_place_is_found_before_any_work(tmp_path, name):
    folder = make_folder(tmp_path / "in", ["cat.png"])
    (tmp_path / "file").write_text("")
    with open_source(folder) as source, pytest.raises(OutputError, match="cannot be written"):
        open_sink(tmp_path / "file" / name, None, source)


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write anywhere")
@pytest.mark.parametrize("name", ["out", "out.mp4"])
def test_a_folder_without_permission(tmp_path, clip, name):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(OutputError, match="permission denied"):
        open_sink(tmp_path / "locked" / name, None, clip)


def test_a_full_disk(tmp_path, clip, monkeypatch):
    write = Path.write_bytes

    def fill_up(path, data):
        if path.name.startswith(".00003.png"):
            write(path, bytes(data)[:10])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", fill_up)
    with (
        pytest.raises(OutputError, match="out cannot be written: the disk is full"),
        open_sink(tmp_path / "out", None, clip) as sink,
    ):
        run(clip, sink)
    assert not (tmp_path / "out").exists()
    assert sorted(tree(tmp_path / "out.part")) == ["00000.png", "00001.png", "00002.png"]
