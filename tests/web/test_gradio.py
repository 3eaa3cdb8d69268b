"""The same by `gradio_client`, and nothing else of Gradio."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from web_samples import running

from dpa.web.settings import WebSettings
from dpa.web.words import say

gradio_client = pytest.importorskip("gradio_client")


@pytest.fixture(scope="module")
def connect(address: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Any]:
    """Another client each time."""
    folder = str(tmp_path_factory.mktemp("gradio"))
    return lambda: gradio_client.Client(address, download_files=folder, verbose=False)


def test_one_call_gives_the_file_of_the_command_line(
    connect: Callable[[], Any], clip: Path, real_masks: Callable[..., Path]
) -> None:
    file = connect().predict(gradio_client.handle_file(str(clip)), kind="coco", api_name="/segment")
    assert Path(file).name == "clip_coco.json"
    assert Path(file).read_bytes() == real_masks("out.json", "coco").read_bytes()


def test_submit_look_take_and_make_another(
    connect: Callable[[], Any], clip: Path, real_masks: Callable[..., Path]
) -> None:
    client, other = connect(), connect()
    video = client.predict(gradio_client.handle_file(str(clip)), threshold=0.4, api_name="/submit")
    assert video["name"] == "clip.mkv"
    told = client.predict(video["id"], api_name="/status")
    assert told["state"] in ("waiting", "working", "done")
    overlay = client.predict(video["id"], api_name="/result")
    expected = real_masks("out.mp4", "overlay", threshold=0.4).read_bytes()
    assert Path(overlay).read_bytes() == expected
    coco = client.predict(video["id"], kind="coco", threshold=0.2, api_name="/result")
    assert Path(coco).read_bytes() == real_masks("out.json", "coco", threshold=0.2).read_bytes()
    for name in ("/status", "/result", "/remove"):
        with pytest.raises(Exception, match="This is no video of yours"):
            other.predict(video["id"], api_name=name)
    assert client.predict(video["id"], api_name="/remove") is True
    with pytest.raises(Exception, match="has been removed"):
        client.predict(video["id"], api_name="/status")


def test_what_is_wrong_is_said_in_a_sentence(connect: Callable[[], Any], clip: Path, tmp_path: Path) -> None:
    client = connect()
    (tmp_path / "text.mp4").write_text("no video")
    cases: list[tuple[Path, dict[str, object], str]] = [
        (tmp_path / "text.mp4", {}, "text.mp4 is no video or picture that can be read"),
        (clip, {"threshold": 2}, "the threshold must lie between 0 and 1, not 2"),
        (clip, {"kind": "gif"}, "There is no kind gif"),
    ]
    for path, settings, sentence in cases:
        with pytest.raises(Exception, match=sentence):
            client.predict(gradio_client.handle_file(str(path)), **settings, api_name="/segment")


@pytest.mark.parametrize("path", ["/etc/hostname", "http://127.0.0.1:9/x", "uploads/../../etc/hostname"])
def test_names_of_files_and_addresses_are_never_opened(address: str, folder: Path, path: str) -> None:
    import httpx

    file = {"path": path, "url": path, "meta": {"_type": "gradio.FileData"}}
    data = [file, "overlay", 0.5, 0.5, "auto", 1, False, "auto", "dpa-mobile"]
    event = httpx.post(f"{address}/gradio_api/call/segment", json={"data": data}).json()["event_id"]
    answer = httpx.get(f"{address}/gradio_api/call/segment/{event}", timeout=60).text
    assert "This is no video of yours" in answer
    assert not list(folder.rglob("hostname"))


def test_pages_and_files_of_gradio_are_not_there(address: str, done: dict[str, Any]) -> None:
    import httpx

    for path in (
        "/gradio_api/file=/etc/hostname",
        "/gradio_api/file=http://dpa/results//x",
        "/gradio_api/file=http://dpa/results/guessed/x.mp4",
        "/gradio_api/file=http://dpa/results/gu%C3%A9ss%C3%A9/x.mp4",
        "/gradio_api/proxy=http://127.0.0.1:9/",
        "/gradio_api/vibe-code/",
        "/gradio_api/runs",
        "/monitoring",
        "/theme.css",
        "/static/img/logo.svg",
        "/docs",
        "/openapi.json",
    ):
        answer = httpx.get(address + path)
        assert answer.status_code == 404, path
        assert answer.json()["error"].endswith(".")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("segment", ["/etc/hostname", "overlay", 0.5, 0.5, "auto", 1, False, "auto", "dpa-mobile"]),
        ("segment", [{"url": "x"}, "overlay", 0.5, 0.5, "auto", 1, False, "auto", "dpa-mobile"]),
        ("status", [["a", "b"]]),
    ],
)
def test_what_is_none_of_its_types_is_said_in_a_sentence(address: str, name: str, data: list[Any]) -> None:
    import httpx

    event = httpx.post(f"{address}/gradio_api/call/{name}", json={"data": data}).json()["event_id"]
    answer = httpx.get(f"{address}/gradio_api/call/{name}/{event}", timeout=60).text
    assert "event: error" in answer
    assert say("error.bug") in answer


@pytest.mark.slow
def test_who_waits_for_results_keeps_nobody_else_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than there are threads for the page's requests, which wait in threads too."""
    import gradio as gr
    import httpx

    from dpa.web import gradio_api

    over = threading.Event()

    def result(self: object, video_id: str, request: gr.Request) -> dict[str, Any]:
        over.wait(60)
        return {}

    monkeypatch.setattr(gradio_api._Calls, "result", result)
    with running(WebSettings(port=0, folder=tmp_path / "web")) as address:
        try:
            for _ in range(45):
                httpx.post(f"{address}/gradio_api/call/result", json={"data": ["x"]}).raise_for_status()
            assert httpx.get(f"{address}/api/videos", timeout=20).json() == []
            event = httpx.post(f"{address}/gradio_api/call/status", json={"data": ["x"]}).json()["event_id"]
            answer = httpx.get(f"{address}/gradio_api/call/status/{event}", timeout=20).text
            assert say("error.gone") in answer
        finally:
            over.set()
