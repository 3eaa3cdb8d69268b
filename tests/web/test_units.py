"""The parts of the server that need no server."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from dpa.errors import DPAError, InputError, OutputError
from dpa.web.child import Child, Died, Failed
from dpa.web.jobs import Jobs, new_result
from dpa.web.settings import WebSettings, size_of
from dpa.web.sniff import suffix_of
from dpa.web.store import Result, Store
from dpa.web.words import say, words

PAGE = Path(__file__).parents[2] / "src" / "dpa" / "web"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"host": "0.0.0.0"}, "--host 0.0.0.0 lets other machines in: give --password too"),
        ({"host": "192.168.0.7"}, "--host 192.168.0.7 lets other machines in"),
        ({"host": "0.0.0.0", "password": "short"}, "at least 8 characters"),
        ({"max_minutes": 0}, "--max-minutes must be above 0, not 0"),
        ({"jobs": 0}, "--jobs must be above 0"),
        ({"embed_in": "a b; script-src *"}, "give a site, such as https://huggingface.co"),
        ({"port": 70000}, "--port 70000: a port is a number from 0 to 65535"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(InputError, match=re.escape(sentence)):
        WebSettings(**settings)  # type: ignore[arg-type]


def test_who_is_local() -> None:
    assert all(WebSettings(host=host).is_local for host in ("127.0.0.1", "localhost", "::1", "127.0.0.2"))
    assert not WebSettings(host="example.org", password="long enough").is_local


def test_sizes_as_people_write_them() -> None:
    assert [size_of(text) for text in ("2GB", "500 mb", "1.5G", "12")] == [
        2 * 10**9,
        5 * 10**8,
        15 * 10**8,
        12,
    ]
    for text in ("much", "2PB", "-1GB", ""):
        with pytest.raises(InputError, match="such as 500MB or 2GB"):
            size_of(text)


@pytest.mark.parametrize(
    ("head", "suffix"),
    [
        (b"\x00\x00\x00\x20ftypqt  ", ".mp4"),
        (b"\x00\x00\x00\x20ftypavif", ".avif"),
        (b"\x00\x00\x00\x20ftypheic", None),
        (b"\x1aE\xdf\xa3", ".mkv"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", ".avi"),
        (b"RIFF\x00\x00\x00\x00WEBP", ".webp"),
        (b"RIFF\x00\x00\x00\x00WAVE", None),
        ((b"\x47" + bytes(187)) * 6, ".ts"),
        ((bytes(4) + b"\x47" + bytes(187)) * 6, ".ts"),
        (b"#EXTM3U", None),
        (b"ffconcat version 1.0", None),
        (b"<?xml version='1.0'?><MPD>", None),
        (b"v=0\r\no=- 0 0 IN IP4", None),
        (b"PK\x03\x04", None),
        (b"", None),
    ],
)
def test_types_are_told_by_content(head: bytes, suffix: str | None) -> None:
    assert suffix_of(head) == suffix


def test_what_is_old_or_too_much_goes_and_what_is_at_work_stays(tmp_path: Path) -> None:
    store = Store(tmp_path / "web", max_disk=2500, max_hours=1)
    held = [store.new("me", f"{k}.mp4", ".mp4") for k in range(4)]
    for age, video in zip((40, 30, 20, 7000), held, strict=True):
        video.source.write_bytes(bytes(1000))
        video.results["a"] = Result("a", "overlay", state="done")
        video.used = time.monotonic() - age
    assert [video.name for video in store.expired()] == ["3.mp4", "0.mp4"]
    held[0].results["a"].state = "working"
    assert [video.name for video in store.expired()] == ["3.mp4", "1.mp4"]
    store.remove(held[3])
    assert not held[3].folder.exists()
    assert [video.name for video in store.of("me")] == ["0.mp4", "1.mp4", "2.mp4"]
    store.close()
    assert [path.name for path in (tmp_path / "web").iterdir()] == [".dpa-web"]


def test_sentences_have_the_users_name_and_no_place(tmp_path: Path) -> None:
    video = Store(tmp_path / "web", 1, 1).new("me", "my film.mp4", ".mp4")
    told = video.told(f"{video.source} is cut off; {video.folder}/results/x/result.mp4 cannot be written")
    assert told == "my film.mp4 is cut off; results/x/result.mp4 cannot be written"


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="holds other things than uploads"):
        Store(tmp_path, 1, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_what_a_killed_server_left_is_removed_and_a_living_ones_is_not(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    Store(tmp_path, 1, 1).close()
    for process in (gone.pid, os.getppid()):
        (tmp_path / f"run-{process}-x").mkdir()
        (tmp_path / f"run-{process}-x" / "film").write_text("x")
    Store(tmp_path, 1, 1).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".dpa-web", f"run-{os.getppid()}-x"]


def die(tell: object) -> None:
    os.abort()


def hang(tell: object) -> None:
    time.sleep(60)


def fail(tell: object, sentence: str) -> None:
    raise InputError(sentence)


def double(tell: object, number: int) -> int:
    tell(number + 1)  # type: ignore[operator]
    return 2 * number


def test_a_child_works_and_what_befalls_it_befalls_it_alone() -> None:
    child = Child("dpa.errors")
    assert list(child.run(double, 4, patience=60)) == [5, 8]
    with pytest.raises(Failed, match="it is broken"):
        child.ask(fail, "it is broken", patience=60)
    assert child.ask(double, 1, patience=60) == 2
    with pytest.raises(Died):
        child.ask(die, patience=60)
    child.close()
    slow = Child("dpa.errors")
    slow.ask(double, 1, patience=60)
    with pytest.raises(Died):
        slow.ask(hang, patience=0.2)
    slow.close()


def test_the_page_says_nothing_that_is_not_in_the_file_of_words() -> None:
    used = set()
    for path in [*PAGE.glob("*.py"), *(PAGE / "page").glob("*.js"), *(PAGE / "page").glob("*.html")]:
        text = path.read_text("utf-8")
        used |= set(re.findall(r"""\bsay\(\s*["']([\w.-]+)["']""", text))
        used |= set(re.findall(r"""data-(?:say|label)="([\w.-]+)\"""", text))
        used |= set(
            re.findall(r"""["'`]((?:list|give|correct|state|view|kind|made|refine)\.[\w.-]+)["']""", text)
        )
    made_up = re.compile(r"(state|view|kind|made|refine|error)\..+|title")
    assert used <= set(words())
    assert {key for key in words() if not made_up.fullmatch(key)} <= used
    from dpa.web.kinds import KINDS

    assert {f"kind.{kind}" for kind in KINDS} <= set(words())
    assert json.dumps(say("made.corrections", count=2)) == '"2 corrected"'


def test_the_command_says_what_is_missing(command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, error = command("web", "--host", "0.0.0.0")
    assert (code, error.count("\n")) == (1, 1)
    assert error.startswith("dpa: --host 0.0.0.0 lets other machines in: give --password too")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, _, error = command("web", "--folder", tmp_path / "web")
    assert error == 'dpa: dpa web needs more than the base installation: pip install "dpa-vos[web]"\n'
    assert not (tmp_path / "web").exists()


@pytest.mark.slow
def test_a_port_that_is_taken(tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    from dpa.web.serve import listen, serve

    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DPAError, match=f"127.0.0.1:{port} cannot be listened at .*: give another --port"):
            serve(WebSettings(port=port, folder=tmp_path / "web"), lambda address: None)
    assert not (tmp_path / "web").exists()


def test_a_video_can_be_told_of_while_a_result_is_added(tmp_path: Path) -> None:
    video = Store(tmp_path / "web", 1, 1).new("me", "film.mp4", ".mp4")

    class Slow(Result):
        def public(self) -> dict[str, object]:
            video.results["b"] = Result("b", "masks")
            return super().public()

    video.results["a"] = Slow("a", "overlay")
    assert [one["id"] for one in video.public()["results"]] == ["a"]


def test_a_result_without_a_place_is_none(tmp_path: Path) -> None:
    """A video whose result waits for ever would never be removed."""
    store = Store(tmp_path / "web", 1, 1)
    jobs = Jobs(store, WebSettings(jobs=1), lambda video: None)
    video = store.new("me", "film.mp4", ".mp4")
    (video.folder / "results").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be made"):
        jobs.add(video, new_result("overlay"))
    assert not video.results
    jobs.close()


def test_what_ends_by_itself_meanwhile_can_be_ended(tmp_path: Path) -> None:
    jobs = Jobs(Store(tmp_path / "web", 1, 1), WebSettings(jobs=1), lambda video: None)
    killed: list[None] = []

    class Ending:
        looks = 0

        @property
        def child(self) -> object:
            self.looks += 1
            return SimpleNamespace(kill=lambda: killed.append(None)) if self.looks == 1 else None

    jobs._end([Ending()])  # type: ignore[list-item]
    assert len(killed) == 1
    jobs.close()
