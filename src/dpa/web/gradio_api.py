"""The same for `gradio_client`: Gradio's queue and protocol, with files on our side of it."""

import logging
import os
import re
import secrets
import time
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import unquote, urlsplit

import gradio as gr
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from dpa.errors import DPAError, InputError
from dpa.web.kinds import KINDS, OF_MASKS, OF_RUN, checked
from dpa.web.server import Gone, Server
from dpa.web.store import Result, Video
from dpa.web.upload import receive
from dpa.web.words import say
from dpa.weights.registry import DEFAULT

_UPLOADS = "uploads"
"""A folder that is none: names in it stand for videos."""
_REFUSED = 100
"""Uploads of which it is remembered why they were not taken."""
_RESULTS = "http://dpa/results"
"""Addresses that stand for results: Gradio leaves them alone, and its client asks us for them."""
_ALLOWED = re.compile(
    r"/config/?|/gradio_api/(info/?|queue/(join|data)|call/[\w/-]+|heartbeat/\w+|cancel|reset/?|startup-events)"
)
_SPARE = 50
"""Calls at work beside those that wait for results."""
_LOOK = 0.2  # seconds between looks at how far a result is
_DEFAULT = next(iter(KINDS))

router = APIRouter(prefix="/gradio_api")
_log = logging.getLogger("dpa.web")


@router.post("/upload")
async def upload(request: Request) -> list[str]:
    """Take a file as Gradio's clients send it; it gets a name that stands for it."""
    server: Server = request.app.state.server
    if not request.headers.get("content-length", "").isdecimal():
        raise InputError(say("error.length"))
    server.check_size(int(request.headers["content-length"]))
    names = []
    async with request.form(max_files=1) as form:
        for file in form.getlist("files"):
            if isinstance(file, str):
                raise InputError(say("error.empty"))

            async def chunks(file: Any = file) -> Any:
                while chunk := await file.read(1 << 20):
                    yield chunk

            ticket = secrets.token_urlsafe(24)
            names.append(f"{_UPLOADS}/{ticket}")
            session, name = f"upload {ticket}", file.filename or ""
            try:
                await receive(chunks(), {}, session, name, server.settings, server.store)
            except DPAError as error:
                # Its client shows no sentences of uploads: said when the file is to be used.
                _refuse(server, ticket, str(error))
    return names


@router.get("/file={address:path}")
def file(request: Request, address: str) -> FileResponse:
    """The file of a result, by the address that only its session was told."""
    server: Server = request.app.state.server
    parts = urlsplit(unquote(address)).path.strip("/").split("/")
    ticket = parts[1] if len(parts) == 3 and address.startswith("http") else ""
    for video in server.store.all():
        for result in [*video.results.values()]:
            same = secrets.compare_digest(result.ticket.encode(), ticket.encode())
            if same and result.file is not None and result.file.exists():
                return FileResponse(result.file, filename=result.name)
    raise Gone(say("error.result"))


def mount(app: FastAPI, server: Server) -> None:
    """Put Gradio behind an application: its protocol, and none of its pages and files."""
    app.include_router(router)
    os.environ["GRADIO_TEMP_DIR"] = str(server.store.folder / "gradio")  # empty, and removed with all else
    calls = _Calls(server)
    with gr.Blocks(analytics_enabled=False, title="dpa") as blocks:
        for call in (calls.segment, calls.submit, calls.status, calls.result, calls.remove):
            gr.api(_sentences(call), api_name=call.__name__, concurrency_limit=server.settings.max_waiting)
    for block in blocks.blocks.values():
        # Names of files are tickets here. Gradio would copy what they name into its cache, or fetch it.
        block.async_move_resource_to_block_cache = _as_it_is
    # Calls that wait for results have threads of their own: the page's requests wait for none of them.
    blocks.max_threads = server.settings.max_waiting + _SPARE
    blocks.queue(max_size=server.settings.max_waiting)
    gr.mount_gradio_app(app, blocks, path="/", show_error=True, footer_links=[], run_history=False)
    mounted: Any = app.router.routes[-1]
    mounted.app = _Only(mounted.app)


class _Only:
    """Lets through what programs need of Gradio; all else is not there."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not _ALLOWED.fullmatch(scope["path"]):
            raise Gone(say("error.address"))
        await self._app(scope, receive, send)


class _Calls:
    """What can be called, each with the session of the client that calls."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def segment(
        self,
        video: gr.FileData,
        request: gr.Request,
        kind: str = _DEFAULT,
        threshold: float = 0.5,
        smooth: float = 0.5,
        refine: str = "auto",
        every: int = 1,
        mirror: bool = True,
        target: str = "auto",
        model: str = DEFAULT,
    ) -> gr.FileData:
        """Segment a video: a file of the kind that is asked for."""
        taken = self._submit(video, request, kind, threshold, smooth, refine, every, mirror, target, model)
        return self._file(taken, taken.first)

    def submit(
        self,
        video: gr.FileData,
        request: gr.Request,
        kind: str = _DEFAULT,
        threshold: float = 0.5,
        smooth: float = 0.5,
        refine: str = "auto",
        every: int = 1,
        mirror: bool = True,
        target: str = "auto",
        model: str = DEFAULT,
    ) -> dict[str, Any]:
        """Queue a video, and say how far it is, its id among that."""
        return self._submit(
            video, request, kind, threshold, smooth, refine, every, mirror, target, model
        ).public()

    def status(self, video_id: str, request: gr.Request) -> dict[str, Any]:
        """Say how far a video is."""
        return self._server.video(_session(request), video_id).public()

    def result(
        self,
        video_id: str,
        request: gr.Request,
        kind: str = "",
        threshold: float = 0.5,
        smooth: float = 0.5,
        refine: str = "auto",
    ) -> gr.FileData:
        """Wait for a video's result; with a kind, for a new one, made without the network."""
        video = self._server.video(_session(request), video_id)
        if not kind:
            return self._file(video, video.first)
        self._wait(video, video.first)
        settings = checked({"threshold": threshold, "smooth": smooth, "refine": refine}, OF_MASKS)
        made = self._server.make(video, kind, settings, {})
        return self._file(video, video.results[made["id"]])

    def remove(self, video_id: str, request: gr.Request) -> bool:
        """Stop what is done to a video, and delete it with all its files."""
        self._server.remove(self._server.video(_session(request), video_id))
        return True

    def _submit(self, file: Any, request: gr.Request, kind: str, *settings: Any) -> Video:
        # Never the path of a file: the name that `upload` gave.
        session = f"upload {str(file['path']).rpartition('/')[2]}"
        found = self._server.store.of(session)
        if not found:
            sentence = self._server.refused.pop(session.partition(" ")[2], None)
            raise InputError(sentence) if sentence else Gone(say("error.gone"))
        video = found[0]
        named = dict(zip((*OF_MASKS, *OF_RUN), settings, strict=True))
        try:
            masks = checked({name: named[name] for name in OF_MASKS}, OF_MASKS)
            run = checked({name: named[name] for name in OF_RUN}, OF_RUN)
            video.session = _session(request)
            self._server.begin(video, kind, run, masks)
        except DPAError:
            self._server.store.remove(video)
            raise
        return video

    def _wait(self, video: Video, result: Result) -> None:
        while not result.ended:
            if video.gone:
                raise Gone(say("error.gone"))
            time.sleep(_LOOK)
        if result.state == "failed":
            raise InputError(result.problem)

    def _file(self, video: Video, result: Result) -> gr.FileData:
        self._wait(video, result)
        address = f"{_RESULTS}/{result.ticket}/{result.name}"
        told: Any = {
            "path": address,
            "url": address,
            "orig_name": result.name,
            "meta": {"_type": "gradio.FileData"},
        }
        return told


def _refuse(server: Server, ticket: str, sentence: str) -> None:
    server.refused[ticket] = sentence
    if len(server.refused) > _REFUSED:
        server.refused.pop(next(iter(server.refused)))


async def _as_it_is(path: str | None) -> str | None:
    return path


def _session(request: gr.Request) -> str:
    return f"gradio {request.session_hash}"


def _sentences(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same, whose errors reach the client as sentences."""

    @wraps(call)
    def said(*given: Any, **named: Any) -> Any:
        try:
            return call(*given, **named)
        except DPAError as error:
            raise gr.Error(" ".join(str(error).split()), print_exception=False) from error
        except Exception as error:
            _log.error("a call failed", exc_info=error)
            raise gr.Error(say("error.bug"), print_exception=False) from error

    return said
