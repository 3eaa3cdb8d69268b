"""What is refused, and in which words; what is left, and who may see it."""

import base64
import json
import shutil
import time
from pathlib import Path

import pytest
from web_samples import Client, ended, running, upload

from dpa.web.settings import WebSettings
from engine_samples import make_clip, make_cut_clip


def problem(answer: object) -> str:
    sentence: str = answer.json()["error"]  # type: ignore[attr-defined]
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


def videos(folder: Path) -> list[str]:
    return sorted(
        path.name for run in folder.glob("run-*") for path in run.iterdir() if path.name != "gradio"
    )


def test_a_visitor_sees_nothing_of_another(session: Client, other: Client, done: dict[str, object]) -> None:
    place = f"/api/videos/{done['id']}"
    number = ended(session, done)["id"]
    assert other.get("/api/videos").json() == []
    for method, address in (
        ("GET", place),
        ("GET", f"{place}/frames/0"),
        ("GET", f"{place}/results/{number}"),
        ("POST", f"{place}/background"),
        ("DELETE", f"{place}/corrections/last"),
        ("DELETE", f"{place}/results/{number}"),
        ("DELETE", place),
    ):
        answer = other.request(method, address)
        assert answer.status_code == 404, (method, address)
        assert "no video of yours" in problem(answer)
    for address, body in (
        (f"{place}/results", {"kind": "coco"}),
        (f"{place}/corrections", {"index": 0, "x": 0.5, "y": 0.5, "what": "add"}),
    ):
        assert other.post(address, json=body).status_code == 404
    assert session.get(place).status_code == 200


def test_a_made_up_session_is_none_and_the_cookie_is_for_the_server_alone(address: str) -> None:
    import httpx

    for made_up in ("x" * 32, "short"):
        answer = httpx.get(f"{address}/api/videos", headers={"cookie": f"dpa_session={made_up}"})
        assert answer.json() == []
    cookie = httpx.get(f"{address}/api/videos").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


def test_cancelling_leaves_nothing(other: Client, folder: Path, tmp_path: Path) -> None:
    before = videos(folder)
    video = upload(other, make_clip(tmp_path / "long.mkv", 400))
    while other.get(f"/api/videos/{video['id']}").json()["results"][0]["done"] < 3:
        time.sleep(0.05)
    waiting = upload(other, make_clip(tmp_path / "next.mkv", 4))
    assert set(videos(folder)) == {*before, video["id"], waiting["id"]}
    assert other.delete(f"/api/videos/{waiting['id']}").status_code == 204
    assert other.delete(f"/api/videos/{video['id']}").status_code == 204
    assert videos(folder) == before
    assert other.get(f"/api/videos/{video['id']}").status_code == 404
    again = upload(other, make_clip(tmp_path / "again.mkv", 3))
    assert ended(other, again)["state"] == "done", "the next one is worked on"


def test_what_is_no_video_is_not_taken(other: Client, folder: Path, tmp_path: Path) -> None:
    before = videos(folder)
    for name, content in (
        ("a.mp4", b"This is text, whatever its name says."),
        ("list.m3u8", b"#EXTM3U\n#EXT-X-VERSION:3\nfile:///etc/passwd\n"),
        ("list.ffconcat", b"ffconcat version 1.0\nfile /etc/passwd\n"),
        ("../../evil.mp4", b"<html>"),
    ):
        answer = other.post("/api/videos", params={"name": name}, content=content)
        assert answer.status_code == 400
        assert problem(answer) == (
            f"{name} is no video or picture that can be read: choose an MP4, MOV, WebM, MKV, AVI or GIF."
        )
    assert "empty" in problem(other.post("/api/videos", content=b""))
    assert videos(folder) == before


def test_too_large_is_refused_before_and_while_it_comes(other: Client, folder: Path) -> None:
    before = videos(folder)
    head = b"\x00\x00\x00\x18ftypisom"

    def chunks() -> object:
        yield head + bytes(1 << 20)
        for _ in range(30):
            yield bytes(1 << 20)

    said = other.post("/api/videos", content=head + bytes(21_000_000))
    unsaid = other.post("/api/videos", content=chunks())
    for answer in (said, unsaid):
        assert answer.status_code == 413
        assert problem(answer) == "The file is larger than 0.02 GB, which is the most that this server takes."
    assert videos(folder) == before


def test_a_broken_file_says_what_the_command_line_says(other: Client, tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"\x00\x00\x00\x18ftypisom" + bytes(5000))
    result = ended(other, upload(other, broken))
    assert result["state"] == "failed"
    assert result["problem"].startswith("broken.mp4 ")
    assert str(tmp_path) not in result["problem"]
    assert "/" not in result["problem"], "no place of the server"


def test_a_damaged_file_gives_what_there_is(other: Client, tmp_path: Path) -> None:
    result = ended(other, video := upload(other, make_cut_clip(tmp_path / "cut.mp4")))
    assert result["state"] == "damaged"
    assert result["problem"].startswith("cut.mp4 is cut off or damaged: ")
    assert 0 < result["done"] < 40
    last = other.get(f"/api/videos/{video['id']}/frames/{result['done'] - 1}")
    assert last.status_code == 200, last.text
    assert other.get(f"/api/videos/{video['id']}/results/{result['id']}").status_code == 200


def test_too_long_is_refused(other: Client, tmp_path: Path) -> None:
    long = make_clip(tmp_path / "long.mkv", 61, rate=1)
    result = ended(other, upload(other, long))
    assert result["problem"] == (
        "long.mkv is 1.0 minutes long, and at most 1 are taken: cut it, or start the server with "
        "--max-minutes."
    )


def test_names_are_shown_and_never_used(other: Client, folder: Path, clip: Path) -> None:
    for name, shown in (("../../../up.mkv", "up.mkv"), ("C:\\x\\y.mkv", "y.mkv"), ("a\nb.mkv", "ab.mkv")):
        video = upload(other, clip, name=name)
        assert video["name"] == shown
        assert not list(folder.rglob(f"*{shown}*"))
        other.delete(f"/api/videos/{video['id']}")


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("kind=gif", "There is no kind gif: choose one of overlay, masks, "),
        ("threshold=2", "the threshold must lie between 0 and 1, not 2.0"),
        ("every=0", "the network can see every frame (1) or every n-th, not every 0"),
        ("mirror=perhaps", "A setting has no such value: "),
        ("model=none", "no network is called 'none'"),
        ("smooth=much", "A setting has no such value: "),
    ],
)
def test_settings_are_checked_before_the_upload_is_taken(
    other: Client, folder: Path, clip: Path, query: str, sentence: str
) -> None:
    before = videos(folder)
    answer = other.post(f"/api/videos?{query}", content=clip.read_bytes())
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(sentence)
    assert videos(folder) == before


def test_pages_of_other_sites_can_ask_for_nothing(address: str) -> None:
    import httpx

    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        assert httpx.post(f"{address}/api/videos/example", headers=headers).status_code == 403
    assert httpx.post(f"{address}/api/videos/example", headers={"origin": "http://[x"}).status_code == 403
    for host in ("evil.example", "evil.example:7860", "", "[x"):
        assert httpx.get(f"{address}/api/about", headers={"host": host}).status_code == 421


def test_answers_tell_browsers_what_to_refuse(address: str) -> None:
    import httpx

    for path in ("/", "/api/about", "/nothing"):
        headers = httpx.get(address + path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_paths_are_for_those_who_sit_at_the_machine(other: Client, clip: Path) -> None:
    taken = other.post("/api/videos/path", json={"path": str(clip)})
    assert taken.status_code == 201, taken.text
    other.delete(f"/api/videos/{taken.json()['id']}")
    assert clip.exists()
    for path, sentence in (("clip.mkv", "no whole path"), ("/nowhere.mp4", "does not exist on this machine")):
        assert sentence in problem(other.post("/api/videos/path", json={"path": path}))
    proxied = other.post("/api/videos/path", json={"path": str(clip)}, headers={"x-forwarded-for": "1.2.3.4"})
    assert "upload the file" in problem(proxied)


@pytest.mark.process
def test_a_site_may_show_it_where_the_server_says_so(tmp_path: Path) -> None:
    import httpx

    settings = WebSettings(port=0, folder=tmp_path / "web", embed_in="https://huggingface.co")
    with running(settings) as address:
        answer = httpx.get(f"{address}/")
    assert answer.headers["content-security-policy"].endswith("frame-ancestors https://huggingface.co")
    assert answer.headers["set-cookie"].endswith("SameSite=None; Secure; Partitioned")


@pytest.mark.process
def test_a_password_is_asked_of_everybody(tmp_path: Path) -> None:
    import httpx

    settings = WebSettings(host="0.0.0.0", port=0, password="open sesame", folder=tmp_path / "web")
    with running(settings) as address:
        for path in ("/", "/api/videos", "/app.js", "/config", "/gradio_api/info"):
            answer = httpx.get(address + path)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"] == 'Basic realm="dpa"'
            assert "set-cookie" not in answer.headers
        assert httpx.get(f"{address}/api/videos", auth=("any", "wrong")).status_code == 401
        answer = httpx.get(f"{address}/api/about", auth=("any", "open sesame"), headers={"host": "a.example"})
        assert answer.status_code == 200
        assert answer.json()["paths"] is False
        for header in ("Basic !!!", "Bearer open sesame", "Basic " + base64.b64encode(b"none").decode()):
            assert httpx.get(f"{address}/api/about", headers={"authorization": header}).status_code == 401
    assert not list((tmp_path / "web").glob("run-*")), "nothing is left when the server ends"


@pytest.mark.process
def test_without_the_page_there_is_the_rest(tmp_path: Path) -> None:
    import httpx

    with running(WebSettings(port=0, folder=tmp_path / "web", api_only=True)) as address:
        assert httpx.get(f"{address}/").status_code == 404
        assert httpx.get(f"{address}/app.js").status_code == 404
        assert httpx.get(f"{address}/api/videos").json() == []
        assert "segment" in json.dumps(httpx.get(f"{address}/gradio_api/info").json())


@pytest.mark.process
def test_visitors_get_their_turns(tmp_path: Path, clip: Path) -> None:
    import httpx

    with (
        running(WebSettings(port=0, folder=tmp_path / "web")) as address,
        httpx.Client(base_url=address, timeout=60) as many,
        httpx.Client(base_url=address, timeout=60) as one,
    ):
        given = [upload(many, clip) for _ in range(4)]
        assert ended(one, upload(one, clip))["state"] == "done"
        last = many.get(f"/api/videos/{given[-1]['id']}").json()
        assert last["state"] == "waiting", "who gives four does not keep away who gives one"


@pytest.mark.process
def test_a_full_queue_says_so(tmp_path: Path, clip: Path) -> None:
    import httpx

    with (
        running(WebSettings(port=0, folder=tmp_path / "web", max_waiting=2)) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        upload(client, clip)
        upload(client, clip)
        answer = client.post("/api/videos", params={"name": "c.mkv"}, content=clip.read_bytes())
        assert answer.status_code == 503
        assert problem(answer) == "Too many videos wait already: try again in a few minutes."
        assert len(client.get("/api/videos").json()) == 2
    shutil.rmtree(tmp_path / "web")
