"""The page in a real browser, which reaches nothing but this machine."""

import io
import re
import shutil
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from dpa.example import Scene, write_clip
from engine_samples import make_clip, tree

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
_FRAMES = 20


# Notes the list of videos, and whether the first second is shown, whenever either changes.
WATCH = """() => { window.seen = []; const live = document.getElementById('live');
    const note = () => seen.push(document.getElementById('videos').innerText + " " + (!live.hidden
        && [...live.querySelectorAll('img')].every((image) => image.naturalWidth)));
    live.addEventListener('load', note, true);
    new MutationObserver(note).observe(document.getElementById('videos'), { childList: true }); }"""


def beginning(path: Path, frames: int) -> Path:
    """The beginning of a real clip where there is one, else of the generated one."""
    shared = Path(__file__).parents[3] / "shared" / "clips" / "car-detection.mp4"
    if not shared.exists():
        write_clip(path, Scene(frames=frames))
        return path
    with av.open(str(shared)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None and packet.dts * packet.time_base < frames / stream.average_rate:
                packet.stream = copy
                target.mux(packet)
    return path


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return beginning(tmp_path_factory.mktemp("film") / "film.mp4", _FRAMES)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    # Chromium's sandbox does not start for the superuser, whom containers run as.
    words = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
    words += ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=path, args=words)
        yield browser
        browser.close()


class Visitor:
    """A page in a session of its own, and what it asked for."""

    def __init__(self, browser: Any, address: str, **options: object) -> None:
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.asked: list[str] = []
        self.said: list[str] = []
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(address)
        self.until("document.title.startsWith('dpa:')")

    def _note(self, line: Any) -> None:
        if line.type == "error":
            self.said.append(f"{line.text} ({line.location.get('url')})")

    def until(self, expression: str) -> None:
        """Wait for an expression of the page. Playwright's own way is `eval`, which the page forbids."""
        deadline = time.monotonic() + 60
        while not self.page.evaluate(expression):
            assert time.monotonic() < deadline, expression
            self.page.wait_for_timeout(30)

    def give(self, path: Path) -> None:
        self.page.set_input_files("#file", path)

    def wait(self, state: str) -> None:
        self.page.wait_for_selector(f"#videos li[data-state={state}]")

    def shown(self, image: str = "after") -> None:
        """Wait for the picture that was asked for last."""
        place = f"document.getElementById('{image}')"
        self.until(f"{place}.dataset.wanted && {place}.dataset.shown === {place}.dataset.wanted")

    def pixels(self) -> list[int]:
        """Of the picture as the page shows it, at 96 x 54: red, green, blue and alpha in turn."""
        self.shown()
        code = """() => { const i = document.getElementById('after'), c = document.createElement('canvas');
            c.width = 96; c.height = 54; const x = c.getContext('2d');
            x.drawImage(i, 0, 0, 96, 54); return Array.from(x.getImageData(0, 0, 96, 54).data); }"""
        values: list[int] = self.page.evaluate(code)
        return values

    def slide(self, name: str, value: float) -> None:
        code = f"const e = document.getElementById('{name}'); e.value = {value}; "
        self.page.evaluate(code + "e.dispatchEvent(new Event('input', { bubbles: true }))")

    def download(self, link: Any) -> bytes:
        with self.page.expect_download() as waiting:
            link.click()
        return Path(waiting.value.path()).read_bytes()

    def close(self) -> None:
        self.context.close()


@pytest.fixture
def visitor(browser: Any, address: str) -> Iterator[Visitor]:
    visitor = Visitor(browser, address)
    yield visitor
    assert not [url for url in visitor.asked if not url.startswith((address, "blob:"))]
    assert not visitor.said
    visitor.close()


def test_from_the_upload_to_the_download(visitor: Visitor, tmp_path: Path) -> None:
    from dpa.engine.segmenter import Segmenter

    # Long enough that pictures arrive while it runs, on a busy machine too.
    film = beginning(tmp_path / "film.mp4", 5 * _FRAMES)
    page = visitor.page
    page.evaluate(WATCH)
    visitor.give(film)
    visitor.wait("done")
    seen: list[str] = page.evaluate("seen")
    progress = re.compile(r"\d+ of \d+ frames, [\d.]+ a second, (\d+ min )?\d+ s left")
    assert any(progress.search(text) for text in seen), seen
    assert any("true" in text for text in seen), "frame, mask and overlay were there while it ran"
    segmenter = Segmenter()
    segmenter.write(film, [(tmp_path / "out.mp4", "overlay")])
    first = visitor.download(page.locator("#results li a"))
    assert first == (tmp_path / "out.mp4").read_bytes()

    visitor.slide("frame", 5)
    page.check("input[name=view][value=mask]")
    before = visitor.pixels()
    visitor.slide("threshold", 0.05)
    assert visitor.pixels() != before
    page.click("#settings button[type=reset]")
    visitor.until("document.getElementById('after').dataset.wanted.includes('threshold=0.5&')")
    assert visitor.pixels() == before

    visitor.slide("threshold", 0.3)
    page.uncheck("#refine")
    visitor.slide("frame", 4)
    page.click("#in")
    visitor.slide("frame", 9)
    page.click("#out")
    assert page.inner_text("#part") == "frames 4 to 9"
    page.select_option("#kind", "masks")
    page.click("#make button")
    link = page.locator("#results li[data-state=done] a").first
    visitor.until("document.querySelectorAll('#results li[data-state=done]').length === 2")
    assert "threshold 0.3, edges as the network gives them, frames 4 to 9" in page.inner_text("#results")
    packed = zipfile.ZipFile(io.BytesIO(visitor.download(link)))
    Segmenter(threshold=0.3, refine="off").write(film, [(tmp_path / "masks", "mask")])
    whole = tree(tmp_path / "masks")
    assert [packed.read(f"{k:05d}.png") for k in range(6)] == [whole[f"{k:05d}.png"] for k in range(4, 10)]


def test_a_click_corrects_and_can_be_taken_back(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    write_clip(tmp_path / "dog.mp4", Scene(frames=5))
    visitor.give(tmp_path / "dog.mp4")
    visitor.wait("done")
    visitor.slide("frame", 2)
    page.check("input[name=view][value=mask]")
    before = visitor.pixels()
    assert any(before[::4])
    # The cross, moved by keys onto the object.
    page.check("input[name=correct][value=remove]")
    page.focus("#stage")
    places = [k // 4 for k in range(0, len(before), 4) if before[k] > 200]
    row, column = divmod(places[len(places) // 2], 96)
    for share, names in ((column / 96 - 0.5, ("Left", "Right")), (row / 54 - 0.5, ("Up", "Down"))):
        for _ in range(round(abs(share) / 0.02)):
            page.keyboard.press(f"Arrow{names[share > 0]}")
    page.keyboard.press("Enter")
    visitor.until("document.getElementById('corrected').value.startsWith('in ')")
    visitor.until("document.getElementById('after').dataset.shown.match(/made=[1-9]/)")
    after = visitor.pixels()
    assert sum(level > 127 for level in after[::4]) < 0.1 * sum(level > 127 for level in before[::4])
    page.click("#undo")
    visitor.until("document.getElementById('after').dataset.shown.endsWith('made=')")
    assert visitor.pixels() == before


def test_cancel(visitor: Visitor, folder: Path, tmp_path: Path) -> None:
    visitor.give(make_clip(tmp_path / "long.mkv", 300))
    visitor.page.wait_for_selector("#videos progress[value]")
    visitor.page.click("#videos button[data-remove]")
    visitor.until("document.getElementById('videos').children.length === 0")
    assert not list(folder.rglob("long*"))
    assert visitor.page.locator("#work").is_hidden()


def test_several_files_queue_and_each_is_shown(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    page.set_input_files("#file", [make_clip(tmp_path / f"{name}.mkv", 3) for name in ("first", "second")])
    visitor.until("document.querySelectorAll('#videos li[data-state=done]').length === 2")
    page.click("#videos li:has-text('first') button[data-show]")
    assert page.inner_text("#work-title") == "first.mkv"


@pytest.mark.parametrize(
    ("quality", "query"),
    [("fast", "every=2"), ("good", ""), ("best", "model=dpa-base&target=dinov2")],
)
def test_the_quality_is_that_of_the_command_line(
    visitor: Visitor, tmp_path: Path, quality: str, query: str
) -> None:
    visitor.page.select_option("#quality", quality)
    with visitor.page.expect_request("**/api/videos?*") as request:
        visitor.give(make_clip(tmp_path / "clip.mkv", 3))
    assert request.value.url.partition("name=clip.mkv")[2].strip("&") == query
    visitor.wait("done")


def test_mistakes_are_sentences(visitor: Visitor, tmp_path: Path) -> None:
    page = visitor.page
    (tmp_path / "text.mp4").write_text("no video")
    visitor.give(tmp_path / "text.mp4")
    visitor.until("document.getElementById('problem').textContent")
    assert page.inner_text("#problem").startswith("text.mp4 is no video or picture that can be read")
    (tmp_path / "large.mp4").write_bytes(bytes(21_000_000))
    visitor.give(tmp_path / "large.mp4")
    visitor.until("document.getElementById('problem').textContent.includes('larger than')")
    (tmp_path / "broken.mp4").write_bytes(b"\x00\x00\x00\x18ftypisom" + bytes(5000))
    visitor.give(tmp_path / "broken.mp4")
    visitor.wait("failed")
    assert page.inner_text("#videos .bad").startswith("broken.mp4 ")
    assert page.inner_text("#problem") == ""
    visitor.said.clear()  # Chromium notes the refusal of the first


def test_two_visitors_see_nothing_of_each_other(
    browser: Any, visitor: Visitor, address: str, clip: Path
) -> None:
    visitor.give(clip)
    visitor.wait("done")
    video = visitor.page.get_attribute("#videos li", "data-video")
    other = Visitor(browser, address)
    assert other.page.locator("#videos li").count() == 0
    assert other.page.request.get(f"{address}/api/videos/{video}").status == 404
    other.close()


def test_a_recording_from_the_camera(visitor: Visitor, address: str) -> None:
    visitor.context.grant_permissions(["camera"], origin=address)
    visitor.page.click("#record")
    visitor.page.wait_for_timeout(1500)
    visitor.page.click("#record")
    visitor.wait("done")
    assert "recording.webm" in visitor.page.inner_text("#videos")


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone(browser: Any, address: str, clip: Path, tmp_path: Path, dark: bool) -> None:
    options = {"viewport": PHONE, "has_touch": True, "color_scheme": "dark" if dark else "light"}
    phone = Visitor(browser, address, **options)
    phone.give(clip)
    phone.wait("done")
    phone.shown()
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    phone.page.screenshot(path=tmp_path / "phone.png", full_page=True)
    paper = phone.page.evaluate("getComputedStyle(document.body).backgroundColor")
    levels = [int(level) for level in re.findall(r"\d+", paper)]
    assert max(levels) < 60 if dark else min(levels) > 200
    phone.close()


def test_everything_has_a_name_and_can_be_reached_by_keys(visitor: Visitor, clip: Path) -> None:
    page = visitor.page
    visitor.give(clip)
    visitor.wait("done")
    visitor.shown()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, a, img, progress')]
        .filter((e) => e.offsetParent && !(e.labels?.length || e.ariaLabel || e.textContent.trim() || e.alt))
        .map((e) => e.outerHTML)"""
    )
    assert nameless == []
    assert page.evaluate("document.documentElement.lang") == "en"
    reached = set()
    page.focus("#file")
    for _ in range(40):
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.name"))
        page.keyboard.press("Tab")
    assert {"file", "example", "view", "stage", "frame", "threshold", "behind", "kind"} <= reached
    page.focus("#stage")
    page.keyboard.press("ArrowRight")
    assert page.input_value("#frame") == "1"
