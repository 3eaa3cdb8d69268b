"""`dpa segment` as a user meets it: what it writes, says, and leaves behind."""

import json
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from video_samples import make_folder, make_video

from dpa.weights.registry import DEFAULT, find
from engine_samples import FakeBackend, make_clip, make_cut_clip, names, tree, truth, use

FILES = {
    "model.onnx": b"no graph",
    "model.safetensors": b"\x10\0\0\0\0\0\0\0no tensors",
    "config.json": b"{}",
}


def test_no_option(command, backend, place) -> None:
    code, out, err = command("segment", "clip.mkv")
    assert (code, out) == (0, "")
    engine, done = err.splitlines()
    assert engine == "dpa-mobile on cpu (fake, fp32); flow by dis: on cpu it is much quicker than RAFT"
    assert done.startswith("clip_masks: 7 frames, ")
    assert names(place) == ["clip.mkv", "clip_masks"]
    assert names(place / "clip_masks") == [f"{i:05d}.png" for i in range(7)]
    mask = cv2.imread("clip_masks/00003.png", cv2.IMREAD_UNCHANGED)
    assert set(np.unique(mask)) == {0, 255}
    assert np.mean((mask > 0) != truth(3)) < 0.02


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        (["mask"], ["clip_masks"]),
        (["soft"], ["clip_soft"]),
        (["overlay", "alpha"], ["clip_alpha.webm", "clip_overlay.mp4"]),
        (["coco", "rgba", "strip"], ["clip_coco.json", "clip_rgba", "clip_strip.mp4"]),
    ],
)
def test_without_a_name_the_kind_gives_it(command, backend, place, kinds, expected) -> None:
    code, _, err = command("segment", "clip.mkv", *(f"--kind={kind}" for kind in kinds))
    assert code == 0, err
    assert names(place) == sorted([*expected, "clip.mkv"])
    assert len(backend.calls) == 4 + 7


def test_pictures_become_pictures(command, backend, place) -> None:
    make_folder(place / "bear", ["a.png", "b.png"])
    assert command("segment", "bear", "--kind", "overlay")[0] == 0
    assert command("segment", "bear/a.png")[0] == 0
    assert command("segment", "bear/a.png", "-o", "cut.png", "--kind", "rgba")[0] == 0
    assert names(place / "bear_overlay") == ["a.png", "b.png"]
    assert names(place / "a_masks") == ["a.png"]
    assert cv2.imread("cut.png", cv2.IMREAD_UNCHANGED).shape == (48, 64, 4)


def test_masks_inside_the_folder_that_is_read(command, backend, place) -> None:
    make_folder(place / "bear", ["a.png", "b.png"])
    for words in ((), ("--overwrite",)):
        assert command("segment", "bear", "-o", "bear/masks", *words)[0] == 0
        assert names(place / "bear") == ["a.png", "b.png", "masks"]
        assert names(place / "bear" / "masks") == ["a.png", "b.png"]


def test_several_kinds_in_one_folder(command, backend, place) -> None:
    kinds = ("mask", "overlay", "alpha", "coco")
    code, _, err = command("segment", "clip.mkv", "-o", "out", *(f"--kind={kind}" for kind in kinds))
    assert code == 0, err
    assert names(place / "out") == ["alpha.webm", "coco.json", "mask", "overlay"]
    assert len(backend.calls) == 4 + 7


def test_an_output_for_each_kind(command, backend, place) -> None:
    words = ("-o", "m", "-o", "o.mp4", "-o", "c.json", "--kind", "soft", "--kind", "green")
    assert command("segment", "clip.mkv", *words)[0] == 0
    assert names(place) == ["c.json", "clip.mkv", "m", "o.mp4"]
    assert len(json.loads((place / "c.json").read_text())["images"]) == 7
    with av.open("o.mp4") as container:
        assert sum(1 for _ in container.decode(video=0)) == 7


def test_the_summary(command, backend, place) -> None:
    words = ("--threshold", "0.4", "--normalise", "--references", "2", "--size", "128", "--flow-floor", "2")
    code, out, _ = command("segment", "clip.mkv", *words, "--json", "run.json")
    assert (code, out) == (0, "")
    summary = json.loads((place / "run.json").read_text())
    assert (summary["source"], summary["frames"], summary["problem"]) == ("clip.mkv", 7, "")
    assert summary["outputs"] == ["clip_masks"]
    assert (summary["model"], summary["device"], summary["backend"]) == ("dpa-mobile", "cpu", "fake")
    assert {"total", "decode", "flow", "network", "references", "write"} <= set(summary["seconds"])
    assert (summary["flow"]["estimator"], summary["flow"]["floor"]) == ("DIS", 2.0)
    assert "last_frame" in summary["flow"]
    settings = {"references": 2, "size": 128, "keep_aspect": True, "threshold": 0.4, "normalise": True}
    settings |= {
        "smooth": 0.5,
        "refine": "auto",
        "target": "off",
        "dinov2_every": 1,
        "mirror": True,
        "every": 1,
        "shots": "off",
    }
    settings |= {"precision": "fp32"}
    assert summary["settings"] == settings
    assert len(backend.calls) == 2 + 7
    code, out, _ = command("segment", "clip.mkv", "--overwrite", "--json", "-")
    assert code == 0
    assert json.loads(out)["frames"] == 7


@pytest.mark.slow
def test_the_encoder_is_said(command, place, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(place))
    code, _, err = command(
        "segment", "clip.mkv", "-o", "~/out.mp4", "--encoder", "auto", "--json", "run.json"
    )
    assert code == 0, err
    (encoder,) = json.loads((place / "run.json").read_text())["encoders"].values()
    assert f"\n~/out.mp4 ({encoder}): 7 frames" in err
    code, _, err = command("segment", "clip.mkv", "-o", "b.mp4", "--encode", "slowly")
    assert code != 0
    assert "videos are encoded fast or good, not slowly" in err
    assert not (place / "b.mp4").exists()


def test_resume(command, backend, place) -> None:
    assert command("segment", "clip.mkv", "--json", "run.json")[0] == 0
    before = tree(place / "clip_masks")
    (place / "clip_masks" / "00006.png").unlink()
    code, _, err = command("segment", "clip.mkv", "--resume", "--json", "run.json")
    assert code == 0
    assert "1 frame," in err
    assert tree(place / "clip_masks") == before
    assert "all frames were there already" in command("segment", "clip.mkv", "--resume")[2]
    assert command("segment", "clip.mkv", "--overwrite")[0] == 0


def _bad_inputs(place: Path) -> None:
    (place / "empty").mkdir()
    (place / "text.mp4").write_text("dear diary\n" * 100)
    with av.open(str(place / "none.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height = 64, 48
        container.start_encoding()
    make_folder(place / "mixed", ["a.png"])
    make_folder(place / "mixed", ["b.png", "c.png"], size=(20, 30))
    (place / "mixed" / "a.png").rename(place / "mixed" / "z.png")
    (place / "full").mkdir()
    (place / "full" / "thesis.tex").write_text("years of work")
    (place / "broken").mkdir()
    for name, content in FILES.items():
        (place / "broken" / name).write_bytes(content)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("gone.mp4",), "gone.mp4 does not exist"),
        (("empty",), "empty has no pictures"),
        (("text.mp4",), "text.mp4 is"),
        (("none.mp4",), "none.mp4"),
        (("mixed",), "all pictures of one run must have one size"),
        (("*.jpg",), "matches no picture"),
        (("clip.mkv", "-o", "text.mp4/out"), "text.mp4/out cannot be written"),
        (("clip.mkv", "-o", "/proc/out"), "/proc/out cannot be written"),
        (("clip.mkv", "-o", "text.mp4"), "text.mp4 exists already"),
        (("clip.mkv", "-o", "full"), "full exists already"),
        (("clip.mkv", "-o", "full", "--overwrite"), "holds other things than masks"),
        (("clip.mkv", "-o", "clip.mkv", "--overwrite"), "clip.mkv"),
        (("mixed/b.png", "-o", "mixed", "--overwrite"), "is what is being read"),
        (("clip.mkv", "--model", "dpa-mobil"), "'dpa-mobil'; did you mean 'dpa-mobile'"),
        (("clip.mkv", "--weights", "gone.onnx"), "gone.onnx"),
        (("clip.mkv", "--weights", "broken/model.onnx"), "broken/model.onnx: truncated"),
        (("clip.mkv", "--weights", "broken/model.safetensors"), "model.safetensors"),
        (("clip.mkv", "--weights", "empty"), "empty: neither"),
        (("clip.mkv", "--weights", "broken", "--precision", "fp8"), "unknown precision 'fp8'"),
        (("clip.mkv", "--weights", "broken", "--precision", "int8"), "there is no int8 among"),
        (("clip.mkv", "--weights", "broken/model.onnx", "--compile"), "a graph cannot be compiled"),
        (("clip.mkv", "--device", "cuda"), "--device cuda"),
        (("clip.mkv", "--device", "tpu"), "'tpu' is not known"),
        (("clip.mkv", "--flow", "farneback"), "farneback"),
        (("clip.mkv", "--kind", "alpha", "-o", "out"), "needs .mov or .webm"),
        (("clip.mkv", "--kind", "mask", "-o", "o.mp4"), "cannot hold the kind mask"),
        (("clip.mkv", "--kind", "matte"), "there is no kind matte"),
        (("clip.mkv", "-o", "o.mkv"), ".mkv cannot be written"),
        (("clip.mkv", "-o", "o.mkv", "--kind", "mask", "--kind", "soft"), ".mkv cannot be written"),
        (("clip.mkv", "-o", "O.MP4", "--kind", "mask", "--kind", "soft"), "O.MP4 holds one kind"),
        (("clip.mkv", "-o", "a", "-o", "b", *["--kind", "mask"] * 3), "3 kinds for 2 outputs"),
        (("clip.mkv", "-o", "a", "-o", "a"), "two outputs are named a"),
        (("clip.mkv", "-o", "a", "-o", "a/o.mp4"), "a/o.mp4 lies inside a"),
        (("clip.mkv", "-o", "-", "--json", "-"), "only one thing can go to standard output"),
        (("clip.mkv", "-o", "-", "-o", "-"), "standard output"),
        (("clip.mkv", "-o", "-", "--resume"), "cannot be resumed"),
        (("clip.mkv", "-o", "-", "--kind", "coco"), "cannot hold the kind coco"),
        (("clip.mkv", "-o", "-", "--raw-out", "yuv"), "raw frames are written as gray, rgb24, rgba"),
        (("clip.mkv", "-o", "-", "--raw-out", "gray", "--kind", "alpha"), "gray holds the kinds mask, soft"),
        (("clip.mkv", "-o", "o.mp4", "--raw-out", "gray"), "--raw-out is for one output on standard output"),
        (("clip.mkv", "--source-alpha", "drop"), "choose keep or ignore"),
        (("x" * 300 + ".mp4",), "too long for the name of a file"),
        (("clip.mkv", "-o", "x" * 300 + ".mp4"), "too long a name"),
        (("clip.mkv", "-o", "x" * 300), "too long a name"),
        (("f%04d.png",), "f%04d.png matches no picture"),
        (("clip.mkv", "-o", "o.png"), "o.png is one picture"),
        (("clip.mkv", "-o", "o.mp4", "--resume"), "only folders can be resumed"),
        (("clip.mkv", "--json", "gone/run.json"), "gone/run.json: its folder does not exist"),
        (("clip.mkv", "--json", "empty"), "empty is a folder"),
        (("clip.mkv", "--json", "clip.mkv"), "clip.mkv is what is being read"),
        (("clip.mkv", "--json", "text.mp4"), "text.mp4 exists already"),
        (("clip.mkv", "--shots", "text.mp4", "--json", "text.mp4", "--overwrite"), "is what is being read"),
        (("clip.mkv", "-o", "text.mp4", "--background", "text.mp4", "--overwrite"), "is what is being read"),
        (("~no-user/clip.mp4",), "~no-user/clip.mp4 does not exist"),
        (("clip.mkv", "-o", "c.json", "--json", "c.json"), "two outputs are named"),
        (("clip.mkv", "--threshold", "1.5"), "between 0 and 1"),
        (("clip.mkv", "--rate", "fast"), "--rate fast"),
        (("clip.mkv", "--raw", "64x48"), "standard input"),
    ],
)
def test_bad_input_is_one_sentence_and_leaves_nothing(
    command, place, monkeypatch, words: tuple[str, ...], sentence: str
) -> None:
    _bad_inputs(place)
    if "--device" in words:
        torch = pytest.importorskip("torch")
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    if not {"--model", "--weights"} & set(words):
        use(FakeBackend(), monkeypatch)
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    code, out, err = command("segment", *words)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("dpa: ")
    assert sentence in err
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == before


def test_a_cut_video(command, backend, place) -> None:
    make_cut_clip(place / "cut.mp4")
    code, _, err = command("segment", "cut.mp4", "--json", "run.json")
    written = len(names(place / "cut_masks"))
    assert code == 1
    assert err.splitlines()[1].startswith(f"cut_masks: {written} frames")
    assert f"{40 - written} of 40 frames could not be decoded" in err.splitlines()[2]
    summary = json.loads((place / "run.json").read_text())
    assert summary["frames"] == written
    assert "of 40 frames" in summary["problem"]


def test_what_was_lost_is_a_warning_and_no_failure(command, backend, place) -> None:
    part = make_video(place / "part.ts", 6).read_bytes()
    (place / "joined.ts").write_bytes(part * 2)
    code, _, err = command("segment", "joined.ts", "--json", "run.json")
    assert code == 0
    assert err.splitlines()[1].startswith("dpa: warning: joined.ts: its clock jumps back 1 time")
    (warning,) = json.loads((place / "run.json").read_text())["warnings"]
    assert f"dpa: warning: {warning}" == err.splitlines()[1]


@pytest.mark.parametrize("name", ["out.mp4", "out.webp", "out.json", "out"])
def test_a_symbolic_link_is_followed(command, backend, place, name) -> None:
    (place / "real").mkdir()
    (place / name).symlink_to(place / "real" / name)
    assert command("segment", "clip.mkv", "-o", name, "--json", "run.json")[0] == 0
    assert (place / name).is_symlink()
    assert names(place / "real") == [name]
    assert command("segment", "clip.mkv", "-o", name, "--overwrite")[0] == 0
    assert (place / name).is_symlink()
    assert names(place / "real") == [name]


def test_numbered_pictures_by_their_pattern(command, backend, place) -> None:
    make_folder(place / "frames", [f"f{i:04d}.png" for i in range(3)] + ["other.png"])
    assert command("segment", "frames/f%04d.png", "-o", "out")[0] == 0
    assert names(place / "out") == [f"f{i:04d}.png" for i in range(3)]


def test_raw_frames_in_a_file_are_told_how_to_be_read(command, backend, place) -> None:
    (place / "clip.yuv").write_bytes(bytes(range(256)) * 100)
    code, _, err = command("segment", "clip.yuv")
    assert code == 1
    assert "dpa segment - --raw WIDTHxHEIGHT:PIXEL_FORMAT:RATE < clip.yuv" in err


def test_a_full_disk(command, backend, place, monkeypatch) -> None:
    write = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if "00002.png" in path.name:
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    code, _, err = command("segment", "clip.mkv")
    assert code == 1
    assert "the disk is full" in err.splitlines()[-1]
    assert not (place / "clip_masks").exists()


def test_live_input_cannot_be_resumed(command, backend, place) -> None:
    path = make_video(place / "clip.ts", 8)
    code, _, err = command("segment", path.as_uri(), "--resume")
    assert code == 1
    assert "frames of a live source do not come back" in err


needs_default = pytest.mark.skipif(find(DEFAULT).path is None, reason="the default weights are not here yet")


@pytest.mark.slow
@needs_default
@pytest.mark.parametrize("frames", [1, 2, 9])
def test_with_the_embedded_network(command, place, frames) -> None:
    make_clip(place / "short.mkv", frames)
    code, _, err = command("segment", "short.mkv", "--json", "run.json")
    assert code == 0, err
    assert len(names(place / "short_masks")) == frames
    assert json.loads((place / "run.json").read_text())["backend"] == "onnxruntime"


@pytest.mark.slow
@needs_default
def test_the_embedded_network_finds_what_moves(command, place) -> None:
    assert command("example", "clip.mp4", "--masks", "true", "--frames", "12")[0] == 0
    assert command("segment", "clip.mp4", "-o", "masks")[0] == 0
    scores = []
    for path in (place / "true").iterdir():
        true, found = (cv2.imread(str(f / path.name), 0) > 127 for f in (place / "true", place / "masks"))
        scores.append((true & found).sum() / (true | found).sum())
    assert np.mean(scores) > 0.5


def test_the_shape_of_the_input(command, backend, place) -> None:
    assert command("segment", "clip.mkv", "--square", "--json", "run.json")[0] == 0
    assert json.loads((place / "run.json").read_text())["settings"]["keep_aspect"] is False


def test_help_shows_options_in_panels_with_the_configs_defaults(command) -> None:
    code, out, _ = command("segment", "--help")
    assert code == 0
    panels = [line[:-1] for line in out.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert panels == ["Arguments", "Output", "Input", "Network", "Flow", "Speed", "Options"]
    shown = " ".join(out.split())
    for words in ("--flow-size", "[default: 384]", "--smooth", "[default: 0.5]", "--keep-aspect / --square"):
        assert words in shown
