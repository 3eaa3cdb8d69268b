"""A server that listens on this machine, and what visitors do with it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dpa.web.settings import WebSettings

Client = Any
"""An httpx.Client: one session."""


@contextmanager
def running(settings: WebSettings) -> Iterator[str]:
    """A server in a thread of this process; gives its address."""
    uvicorn = pytest.importorskip("uvicorn")
    from dpa.web.app import build
    from dpa.web.serve import listen

    listening = listen(settings.host, settings.port)
    config = uvicorn.Config(build(settings), log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def upload(client: Client, path: Path, **parameters: object) -> dict[str, Any]:
    """Queue a file."""
    answer = client.post("/api/videos", params={"name": path.name, **parameters}, content=path.read_bytes())
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def ended(client: Client, video: dict[str, Any], number: str | None = None) -> dict[str, Any]:
    """Wait for a result of a video, the first by default."""
    while True:
        told = client.get(f"/api/videos/{video['id']}").json()
        result = next(one for one in told["results"] if number in (None, one["id"]))
        if result["state"] in ("done", "damaged", "failed"):
            return dict(result)
        time.sleep(0.05)
