"""Listening: from settings to a server that runs until it is interrupted."""

import os
import socket
from collections.abc import Callable
from contextlib import suppress

from dpa.errors import InputError, MissingExtra, reason
from dpa.web.settings import WebSettings


def serve(settings: WebSettings, ready: Callable[[str], None]) -> None:
    """Run a server until Ctrl-C.

    Args:
        settings: of it.
        ready: called with its address when it listens.

    Raises:
        MissingExtra: the extra [web] is not installed.
        InputError: the address cannot be listened at.
        OutputError: its folder cannot be used.
    """
    # Before Gradio is imported: it says nothing to its makers.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    try:
        import uvicorn

        from dpa.web.app import build
    except ModuleNotFoundError as error:
        raise MissingExtra("dpa web", "web") from error
    listening = listen(settings.host, settings.port)
    host, port = listening.getsockname()[:2]
    app = build(settings)
    shown = f"[{host}]" if ":" in host else host
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=2
    )
    ready(f"http://{shown}:{port}")
    # Ctrl-C is how it ends.
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        InputError: the address cannot be listened at.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        raise InputError(
            f"{host}:{port} cannot be listened at ({reason(error)}): give another --port, or --host"
        ) from error
    return listening
