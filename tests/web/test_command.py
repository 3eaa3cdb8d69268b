"""`dpa web` as a process of its own: offline, and gone without a trace."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from web_samples import ended, upload

# Put into the path of the server and of all its processes.
REFUSE = """
import os, socket
connect, resolve = socket.socket.connect, socket.getaddrinfo

def note(what):
    with open(os.environ["DPA_TEST_ASKED"], "a") as file:
        file.write(f"{what}\\n")
    raise OSError(f"refused: {what}")

def checked(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1"):
        note(address)
    return connect(self, address)

def resolved(host, *more, **named):
    if host not in (None, "", "127.0.0.1", "localhost", "::1", b"127.0.0.1"):
        note(host)
    return resolve(host, *more, **named)

socket.socket.connect, socket.getaddrinfo = checked, resolved
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    pytest.importorskip("gradio")
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "sitecustomize.py").write_text(REFUSE)
    paths = os.pathsep.join([str(tmp_path / "path"), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": paths, "DPA_TEST_ASKED": str(tmp_path / "asked")}
    environment.pop("DPA_WEB_PASSWORD", None)
    words = ["-m", "dpa", "web", "--port", "0", "--folder", str(tmp_path / "web")]
    process = subprocess.Popen(
        [sys.executable, *words], env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("dpa web is at http://127.0.0.1:"), process.communicate()
    yield process, line.split()[4]
    process.kill()
    process.wait()


@pytest.mark.process
def test_it_asks_nobody_and_leaves_nothing(
    server: tuple[subprocess.Popen[str], str], clip: Path, tmp_path: Path
) -> None:
    import httpx
    from gradio_client import Client, handle_file

    process, address = server
    with httpx.Client(base_url=address, timeout=120, transport=httpx.HTTPTransport(retries=20)) as client:
        assert ended(client, video := upload(client, clip))["state"] == "done"
        assert client.get(f"/api/videos/{video['id']}/frames/3").status_code == 200
        assert Client(address, verbose=False).predict(
            handle_file(str(clip)), kind="coco", api_name="/segment"
        )
        assert client.post("/api/videos/example").status_code == 201  # it is at work when it has to end
    assert not (tmp_path / "asked").exists(), (tmp_path / "asked").read_text()
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out, error) == (0, "", "")
    assert [path.name for path in (tmp_path / "web").iterdir()] == [".dpa-web"]


@pytest.mark.process
def test_a_server_that_is_killed_takes_its_processes_with_it(
    server: tuple[subprocess.Popen[str], str],
) -> None:
    process, _ = server
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    if not children.exists():
        pytest.skip("this system has no /proc")
    ours = [
        int(number)
        for path in children.parent.parent.glob("*/children")
        for number in path.read_text().split()
    ]
    assert len(ours) >= 3
    process.kill()
    process.wait()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{number}/exe").exists() for number in ours) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(Path(f"/proc/{number}/exe").exists() for number in ours)
