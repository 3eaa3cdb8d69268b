"""The application: routes, page, errors, and the guard before all."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from dpa.errors import DPAError
from dpa.web.gradio_api import mount
from dpa.web.guard import Guard
from dpa.web.jobs import Busy
from dpa.web.routes import router
from dpa.web.server import Gone, Server
from dpa.web.settings import WebSettings
from dpa.web.upload import TooLarge
from dpa.web.words import say

_STATUS: dict[type[DPAError], int] = {Gone: 404, TooLarge: 413, Busy: 503}
_log = logging.getLogger("dpa.web")


def build(settings: WebSettings) -> FastAPI:
    """The application of a server: its processes live until it is shut down.

    Raises:
        OutputError: its folder cannot be used.
    """
    server = Server(settings)

    @asynccontextmanager
    async def living(_: FastAPI) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(server.close)

    # No pages about the interface: FastAPI's would load scripts from elsewhere.
    app = FastAPI(title="dpa web", docs_url=None, redoc_url=None, openapi_url=None, lifespan=living)
    app.state.server = server
    app.include_router(router)
    app.add_exception_handler(DPAError, _ours)
    app.add_exception_handler(RequestValidationError, _unclear)
    app.add_exception_handler(ClientDisconnect, _left)
    app.add_exception_handler(Exception, _bug)
    app.add_middleware(Guard, settings=settings)
    if not settings.api_only:
        _add_page(app)
    mount(app, server)
    return app


def _add_page(app: FastAPI) -> None:
    folder = Path(str(files("dpa.web") / "page"))
    for path in folder.iterdir():
        name = "" if path.name == "index.html" else path.name

        # A closure of its own for each file.
        def page(path: Path = path) -> FileResponse:
            return FileResponse(path, headers={"cache-control": "no-cache"})

        app.add_api_route(f"/{name}", page, methods=["GET"], response_class=FileResponse)


def _ours(_: Request, error: Exception) -> JSONResponse:
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
    return JSONResponse({"error": " ".join(str(error).split())}, status)


def _unclear(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    details: Any = error.errors()
    first = details[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return JSONResponse({"error": say("error.request", where=where, what=first["msg"])}, 422)


def _left(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"error": say("error.left")}, 400)


def _bug(_: Request, error: Exception) -> JSONResponse:
    _log.error("a request failed", exc_info=error)
    return JSONResponse({"error": say("error.bug")}, 500)
