"""The README's pictures of the page: `python docs/make_web_pictures.py docs/pictures` (needs Chromium)."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        words = ["-m", "dpa", "web", "--port", "0", "--folder", f"{place}/web"]
        server = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[4]
            desk = browser.new_page(viewport={"width": 1200, "height": 860})
            show(desk, address, "background", 30)
            desk.screenshot(path=folder / "web.jpg", type="jpeg", quality=82, full_page=True)
            phone = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
            show(phone, address, "overlay", 0)
            phone.locator("#work").scroll_into_view_if_needed()
            phone.evaluate("document.getElementById('work-title').scrollIntoView()")
            phone.screenshot(path=folder / "web_phone.jpg", type="jpeg", quality=82)
        finally:
            browser.close()
            server.terminate()
            server.wait()


def show(page: Any, address: str, view: str, split: int) -> None:
    """The example, done, at a frame in its middle."""
    page.goto(address)
    page.set_default_timeout(300_000)
    page.click("#example")
    page.wait_for_selector("#results li[data-state=done]")
    page.select_option("#behind", "blur")
    page.check(f"input[name=view][value={view}]")
    for name, value in (("frame", 24), ("split", split)):
        code = f"const e = document.getElementById('{name}'); e.value = {value}; "
        page.evaluate(code + "e.dispatchEvent(new Event('input', { bubbles: true }))")
    page.wait_for_timeout(3000)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
