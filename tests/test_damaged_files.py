"""Damaged and foreign files given to every verb: a sentence of ours, and never an exception of a library."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from PIL import Image
from video_samples import make_video, picture

import dpa
import dpa.cli
from dpa.errors import DPAError, OutputError
from dpa.example.clip import write_clip
from dpa.example.scene import Scene
from dpa.video import open_source
from dpa.video.read import open_stdin
from engine_samples import threads

VERBS = {
    "segment": "segment {file} -o {out}/masks",
    "segment into movies": "segment {file} -o {out}/o.mp4 -o {out}/a.mov --kind overlay --kind alpha",
    "segment at cuts": "segment {whole} -o {out}/masks --shots {file}",
    "flow": "flow {file} {out}/flow",
    "predict": "predict {file} {out}/masks",
    "evaluate": "evaluate {file} {file}",
    "compare": "compare {file} {file}",
    "prepare": "prepare davis {file} {out}/data",
    "prepare folder": "prepare folder {file} {out}/data",
    "pretrain": "pretrain {file}",
    "finetune": "finetune {file}",
    "export": "export onnx -o {out}/model.onnx --weights {file}",
}


def damaged(data: bytes, seed: int) -> bytes:
    """The same with runs of bytes changed, cut out or zeroed, half of them near the start."""
    rng, result = np.random.default_rng(seed), bytearray(data)
    for _ in range(6):
        place = int(rng.integers(0, 2000 if rng.random() < 0.5 else len(result)))
        length = int(rng.integers(1, 100))
        match int(rng.integers(0, 3)):
            case 0:
                result[place : place + length] = rng.bytes(length)
            case 1:
                del result[place : place + length]
            case 2:
                result[place : place + length] = bytes(length)
    return bytes(result)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Files that are not what they seem; the first is whole."""
    folder = tmp_path_factory.mktemp("files")
    whole = make_video(folder / "whole.mp4", 12, options={"bf": "2", "g": "6"}, sound="aac")
    data = whole.read_bytes()
    broken = {f"{seed}.mp4": damaged(data, seed) for seed in range(6)}
    other = make_video(folder / "whole.ts", 12, sound="ac3").read_bytes()
    broken |= {f"{seed}.ts": damaged(other, seed) for seed in range(3)}
    broken |= {"empty.mp4": b"", "cut.mp4": data[: len(data) // 2], "text.mp4": b"a film of words\n" * 40}
    Image.fromarray(picture(0)).save(folder / "picture.png")
    broken |= {"picture.mkv": (folder / "picture.png").read_bytes()[:300]}
    for name, content in broken.items():
        (folder / name).write_bytes(content)
    return [whole, *(folder / name for name in broken)]


@pytest.fixture
def caught(tmp_path, monkeypatch) -> list[BaseException | None]:
    """What the command line ended with."""
    found: list[BaseException | None] = []

    def stop(sentence: str, code: int = 1) -> NoReturn:
        found.append(sys.exc_info()[1])
        sys.exit(code)

    monkeypatch.setattr(dpa.cli, "_stop", stop)
    monkeypatch.chdir(tmp_path)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_says_a_sentence(tmp_path, command, backend, files, caught, verb) -> None:
    for number, file in enumerate(files[1:]):
        out = tmp_path / str(number)
        out.mkdir()
        words = [word.format(file=file, whole=files[0], out=out) for word in VERBS[verb].split()]
        code, _, _ = command(*words)
        assert code in (0, 1, 2), (file, code)
        assert all(isinstance(error, DPAError) for error in caught), (file, caught)
        assert code != 1 or caught, file
        assert threads() == []
    assert caught, "some of the files are refused"


def test_bench_says_a_sentence(command, stages_here, files, caught) -> None:
    # Not .ts: of a damaged one there is enough left to measure.
    broken = [file for file in files[1:] if file.suffix != ".ts"]
    for number, file in enumerate(broken, 1):
        code, out, _ = command(
            "bench", "--video", file, "--frames", "2", "--repeats", "3", "--seconds", "0.01"
        )
        assert (code, out) == (1, ""), file
        assert len(caught) == number
        assert isinstance(caught[-1], DPAError), (file, caught[-1])
    assert threads() == []


@pytest.mark.slow
def test_the_python_interface_raises_errors_of_ours(files, backend) -> None:
    for file in files[1:]:
        for source in (file, file.as_uri()):
            _ours(lambda source=source: list(dpa.segment(source)))
            _ours(lambda source=source: _sought(source))
        _ours(lambda file=file: _piped(file))
    assert threads() == []


def _ours(read: Callable[[], object]) -> None:
    """Any other exception than ours fails the test."""
    try:
        read()
    except DPAError as error:
        problem = str(error)
    else:
        return
    assert len(problem.splitlines()) == 1


def _sought(file: Path | str) -> None:
    with open_source(file) as source:
        list(source.pairs_at([(source.count or 1) - 1, 0]))


def _piped(file: Path) -> None:
    with file.open("rb") as pipe, open_stdin(file=pipe) as source:
        list(source.frames())


def test_an_example_that_the_encoder_refuses(tmp_path, monkeypatch) -> None:
    import av

    def refuse(*_: object) -> None:
        raise av.ArgumentError(22, "Invalid argument")

    monkeypatch.setattr("dpa.example.clip._encode", refuse)
    with pytest.raises(OutputError, match="cannot be written"):
        write_clip(tmp_path / "clip.mp4", Scene())
    assert list(tmp_path.iterdir()) == []
