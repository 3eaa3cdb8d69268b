"""Every command in README and docs does what it says: taken from the pages, run on made data.

What would take long is shortened: trainings to one step of the smallest network, flow by RAFT to flow by DIS,
`dpa bench` to its settings. The network of `dpa segment` and `dpa predict` is `engine_samples.FakeBackend`.
"""

import io
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from archive_samples import SMALL, davis2016, duts, save, square, video, ytvos, zipped

from dpa import cli
from dpa.batch import local
from dpa.bench.settings import BenchSettings
from dpa.config import load
from dpa.errors import DPAError
from engine_samples import FakeBackend, image, make_clip, truth

REPOSITORY = Path(__file__).parent.parent
PAGES = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md"))]
NOT_COMMANDS = re.compile(r"\bVERB\b|\bDATASET SOURCE TARGET\b")
"""Lines that show the form of a command."""
SETS = ("DAVIS_train", "DAVIS_test", "DAVIS_both", "DAVIS_far", "VIDEOS", "MINE", "HELD_OUT", "YTVOS_train")
STILLS = ("STILLS", "STILLS_train", "DUTS_train")


def commands_of(text: str) -> Iterator[list[str]]:
    """The words after `dpa` of every command in a page's indented blocks."""
    joined = re.sub(r"\\\n\s+", " ", text)
    for line in re.findall(r"^    (dpa .*)$", joined, re.MULTILINE):
        if NOT_COMMANDS.search(line):
            continue
        for command in line.split(" && "):
            words = shlex.split(command.partition(" | ")[0], comments=True)  # what it is piped to is not ours
            assert words[0] == "dpa", line
            yield words[1:]


COMMANDS = [
    pytest.param(words, id=f"{page.stem}: {' '.join(words)}")
    for page in PAGES
    for words in commands_of(page.read_text("utf-8"))
]


def test_the_commands_are_found() -> None:
    page = "text dpa x\n\n    dpa a b   # c\n    dpa d \\\n        e=1 && dpa f 'g h' | sh\n    dpa VERB -h\n"
    assert list(commands_of(page)) == [["a", "b"], ["d", "e=1"], ["f", "g h"]]
    assert len(COMMANDS) > 40
    assert {param.values[0][0] for param in COMMANDS} >= {"segment", "flow", "finetune", "bench", "compare"}


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_is_understood(words: list[str]) -> None:
    verb, *rest = words
    cli.load(verb).make_context(verb, list(rest))
    if verb in ("pretrain", "finetune"):
        from dpa.train.settings import TrainSettings

        load(TrainSettings, rest[0], [word for word in rest if re.match(r"[a-z_.0-9]+=", word)])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that the pages' commands read, by the names that they give it."""
    import torch

    from dpa.config import find
    from dpa.model.config import named_config
    from dpa.model.dpa import DPA
    from dpa.train.settings import TrainSettings

    root = tmp_path_factory.mktemp("made")
    for name in ("clip.mp4", "dev.mp4", "in.mp4", "film.mp4"):
        make_clip(root / "clip.mkv", 4).rename(root / name)
    for name in ("clips/deep/one.mp4", "clips/two.mov"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        make_clip(root / "clip.mkv", 4).rename(root / name)
    (root / "list.txt").write_text("clip.mp4\nclips/two.mov\n")
    (root / "manifest.csv").write_text("input,output,threshold\nclip.mp4,x.webm,0.4\nframes,y,\n")
    for index in range(4):
        save(root / "frames" / f"{index:05d}.png", image(index))
    for place in (root, root / "data"):
        for name in SETS:
            for sequence in ("bear", "cow"):
                write_sequence(place / name / sequence, sequence)
        for name in STILLS:
            for kind, made in (("RGB", image), ("GT", lambda i: 255 * truth(i).astype("uint8"))):
                for index in range(4):
                    save(place / name / kind / f"s{index}.png", made(index))
    for name in ("masks/binary", "out/binary", "MASKS", "GT"):
        for sequence in ("bear", "cow"):
            for index in range(4):
                save(
                    root / name / sequence / f"{sequence}_{index:05d}.png", 255 * truth(index).astype("uint8")
                )
    zipped(davis2016(root / "a", SMALL), root / "DAVIS-data.zip")
    zipped(duts(root / "downloads"), root / "DUTS-TR.zip")
    zipped(ytvos(root / "b", SMALL), root / "train.zip")
    video(root / "my_videos" / "videos" / "clip.mp4")
    for index in (2, 5):
        save(root / "my_videos" / "masks" / "clip" / f"{index}.png", square(index, SMALL))
    torch.manual_seed(0)
    tiny = load(TrainSettings, find("tiny"))
    config = replace(named_config(tiny.model, **tiny.changes), motion=False, ifa=False)
    for name in ("runs/pretrain/best", "runs/pretrain/last", "runs/one/best", "runs/base/last"):
        DPA(config).save_pretrained(root / name)
    return root


def write_sequence(folder: Path, name: str) -> None:
    for index in range(4):
        pictures = {"RGB": image(index), "GT": 255 * truth(index).astype("uint8"), "FLOW": image(3 - index)}
        for kind, picture in pictures.items():
            save(folder / kind / f"{name}_{index:05d}.png", picture)


@pytest.mark.slow
@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_runs(
    words: list[str],
    made: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command,
    backend: FakeBackend,
    request: pytest.FixtureRequest,
) -> None:
    place = tmp_path / "here"
    shutil.copytree(made, place)
    monkeypatch.chdir(place)
    if "s3://" in " ".join(words):
        fill_bucket(request, place)
    monkeypatch.setattr("dpa.batch.local.cores", lambda: 1)  # no process without the test's network
    monkeypatch.setattr("dpa.batch.cluster.run", lambda jobs, _: local.run(jobs, local.Share(1, ("cpu",), 0)))
    clear(words)
    if "--from-release" in words:
        from dpa.model.dpa import DPA

        # Their network is large; tests/export/test_release.py runs this command with it.
        tiny = DPA.from_pretrained(place / "runs" / "one" / "best")
        monkeypatch.setattr("dpa.export.release.import_release", lambda path, **_: tiny)
    words, expected = shortened(words), 0
    if words[0] == "bench":
        monkeypatch.setattr("dpa.example.write_clip", lambda path, scene: path.touch())
        monkeypatch.setattr("dpa.bench.run.run_stages", measured)
        monkeypatch.setattr("dpa.bench.run.run_ways", measured)
        expected = 1
    if words[0] == "web":
        monkeypatch.setattr("dpa.web.serve.serve", lambda settings, ready: ready("http://127.0.0.1:7860"))
    if words[0] == "doctor":
        monkeypatch.setattr("dpa.doctor.examine", lambda: iter(()))
    if words[0] == "compare":
        for name in words[1:3]:
            assert command("evaluate", "MASKS", "GT", "--json", name)[0] == 0
    if "dpa-mobile" in words:
        from dpa.model import dpa as network

        read, other = network.load, {"dpa-mobile": "runs/one/best"}
        # The default's weights do not fit the smallest network; that they are asked for by name counts.
        monkeypatch.setattr(network, "load", lambda name, build: read(other.get(name, name), build))
    if "-o -" in " ".join(words):
        # A video is not the text that pytest takes what is printed for.
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO()))
    code, _, error = command(*words)
    assert code == expected, error
    assert "-o -" not in " ".join(words) or sys.stdout.buffer.tell() > 1000
    assert expected == 0 or "all settings are good" in error


def fill_bucket(request: pytest.FixtureRequest, place: Path) -> None:
    """s3://films, with two clips and a list of them; it goes with the test's server."""
    request.getfixturevalue("s3")
    import s3fs

    bucket = s3fs.S3FileSystem()
    if bucket.exists("films"):
        bucket.rm("films", recursive=True)
    bucket.mkdir("films")
    for name in ("in/clip.mp4", "in/deep/clip.mp4"):
        bucket.put_file(str(place / "clip.mp4"), f"films/{name}")
    bucket.pipe_file("films/list.txt", b"s3://films/in/clip.mp4\ns3://films/in/deep/clip.mp4\n")


def clear(words: list[str]) -> None:
    """Remove what of the made data has the name of a command's own result."""
    verb = words[0]
    results = {"predict": words[2:3], "prepare": ["data"], "example": words[1:2]}.get(verb, [])
    if verb == "segment" and "-o" in words:
        results = [words[words.index("-o") + 1]]
    for result in map(Path, results):
        if result.is_dir():
            shutil.rmtree(result)
        else:
            result.unlink(missing_ok=True)


def shortened(words: list[str]) -> list[str]:
    """The same command, with less to do, on a machine without a GPU or weights of RAFT."""
    verb = words[0]
    words = ["dis" if re.match(r"raft-(large|small)", word) else word for word in words]
    words = ["cpu" if word == "cuda" else word for word in words]
    if verb == "example":
        words += ["--frames", "4"]
    if verb in ("flow", "prepare"):
        words += ["--jobs", "1"]
    if verb in ("pretrain", "finetune"):
        words[1] = "tiny"
        words += [f"{verb}.iterations=1", f"{verb}.groups=2", f"{verb}.sizes=[[64,64]]", "workers=0"]
    return words


def measured(settings: BenchSettings, progress: object) -> None:
    raise DPAError(f"all settings are good: {settings.video}")
