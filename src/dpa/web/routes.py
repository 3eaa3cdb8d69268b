"""The requests that the server answers, for the page and for programs."""

import secrets
import shutil
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request
from fastapi.responses import FileResponse, Response
from starlette.concurrency import run_in_threadpool

from dpa import __version__
from dpa.video.write.backdrop import GREEN
from dpa.video.write.paint import OVERLAY_SHARE
from dpa.web.kinds import DEFAULTS, KINDS, OF_MASKS, OF_RUN, check_kind, checked, checked_look
from dpa.web.server import Gone, Server
from dpa.web.upload import receive, save
from dpa.web.words import say, words

router = APIRouter(prefix="/api")


def _server(request: Request) -> Server:
    server: Server = request.app.state.server
    return server


@router.get("/about")
def about(request: Request) -> dict[str, Any]:
    """What the server takes and makes."""
    settings = _server(request).settings
    return {
        "version": __version__,
        "kinds": list(KINDS),
        "settings": DEFAULTS,
        "max_size": settings.max_size,
        "max_minutes": settings.max_minutes,
        "paths": _server(request).takes_paths(request.headers),
        "words": words(),
    }


@router.get("/videos")
def videos(request: Request) -> list[dict[str, Any]]:
    """All videos of the session."""
    # Those without a result are still being uploaded.
    found = _server(request).store.of(request.state.session)
    return [video.public() for video in found if video.results]


@router.post("/videos", status_code=201)
async def upload(request: Request, name: str = "", kind: str = next(iter(KINDS))) -> dict[str, Any]:
    """Take a video, the body of the request, and queue it."""
    server = _server(request)
    run, settings = _settings_of(request)
    check_kind(kind)
    video = await receive(
        request.stream(), request.headers, request.state.session, name, server.settings, server.store
    )
    return await run_in_threadpool(server.begin, video, kind, run, settings)


@router.post("/videos/example", status_code=201)
def example(request: Request, kind: str = next(iter(KINDS))) -> dict[str, Any]:
    """Queue the built-in example."""
    server = _server(request)
    run, settings = _settings_of(request)
    check_kind(kind)
    clip = server.example()
    video = server.store.new(request.state.session, "example.mp4", ".mp4")
    shutil.copyfile(clip, video.source)
    return server.begin(video, kind, run, settings)


@router.post("/videos/path", status_code=201)
def path(
    request: Request, path: Annotated[str, Body(embed=True)], kind: str = next(iter(KINDS))
) -> dict[str, Any]:
    """Queue a file of this machine, for those who sit at it."""
    server = _server(request)
    run, settings = _settings_of(request)
    check_kind(kind)
    video = server.local(request.state.session, path, request.headers)
    return server.begin(video, kind, run, settings)


@router.get("/videos/{key}")
def status(request: Request, key: str) -> dict[str, Any]:
    """How far a video is."""
    return _server(request).video(request.state.session, key).public()


@router.delete("/videos/{key}", status_code=204)
def remove(request: Request, key: str) -> None:
    """Stop what is done to a video, and delete it with all its files."""
    server = _server(request)
    server.remove(server.video(request.state.session, key))


@router.get("/videos/{key}/frames/{index}")
def frame(
    request: Request,
    key: str,
    index: int,
    view: str = "overlay",
    strength: float = OVERLAY_SHARE,
    background: str = GREEN,
) -> Response:
    """A frame as it would be in a result."""
    server = _server(request)
    _, settings = _settings_of(request)
    video = server.video(request.state.session, key)
    look = checked_look(strength, background, video.background)
    kind, data = server.frame(video, index, view, settings, look)
    return Response(data, media_type=kind)


@router.post("/videos/{key}/results", status_code=201)
def result(
    request: Request,
    key: str,
    kind: Annotated[str, Body()] = next(iter(KINDS)),
    settings: Annotated[dict[str, Any] | None, Body()] = None,
    start: Annotated[int | None, Body()] = None,
    end: Annotated[int | None, Body()] = None,
    strength: Annotated[float, Body()] = OVERLAY_SHARE,
    background: Annotated[str, Body()] = GREEN,
) -> dict[str, Any]:
    """Have a file made with other settings, of a part, or of another kind."""
    server = _server(request)
    check_kind(kind)
    video = server.video(request.state.session, key)
    look = checked_look(strength, background, video.background)
    return server.make(video, kind, checked(settings or {}, OF_MASKS), look, start, end)


@router.post("/videos/{key}/corrections", status_code=201)
def correct(
    request: Request,
    key: str,
    index: Annotated[int, Body()],
    x: Annotated[float, Body()],
    y: Annotated[float, Body()],
    what: Annotated[str, Body()],
    settings: Annotated[dict[str, Any] | None, Body()] = None,
) -> dict[str, Any]:
    """Take the region under a click out of the masks ("remove"), or into them ("add")."""
    server = _server(request)
    video = server.video(request.state.session, key)
    return server.correct(video, index, x, y, what, checked(settings or {}, OF_MASKS))


@router.delete("/videos/{key}/corrections/last", status_code=204)
def undo(request: Request, key: str) -> None:
    """Take back the last correction."""
    server = _server(request)
    server.undo(server.video(request.state.session, key))


@router.post("/videos/{key}/background", status_code=204)
async def background(request: Request, key: str, name: str = "") -> None:
    """Take a picture or video that is to stand behind the object: the body of the request."""
    server = _server(request)
    video = server.video(request.state.session, key)
    number = secrets.token_hex(4)  # a new name each time: the last one may be open still

    def place(suffix: str) -> Path:
        return video.folder / f"background-{number}{suffix}"

    path = await save(request.stream(), request.headers, name, place, server.settings, server.store)
    old, video.background = video.background, path
    if old is not None:
        old.unlink(missing_ok=True)


@router.get("/videos/{key}/results/{number}")
def download(request: Request, key: str, number: str) -> FileResponse:
    """The file of a result."""
    found = _server(request).video(request.state.session, key).results.get(number)
    if found is None or found.file is None or not found.file.exists():
        raise Gone(say("error.result"))
    return FileResponse(found.file, filename=found.name)


@router.delete("/videos/{key}/results/{number}", status_code=204)
def drop(request: Request, key: str, number: str) -> None:
    """Stop a result, and delete its file."""
    server = _server(request)
    server.drop(server.video(request.state.session, key), number)


def _settings_of(request: Request) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of the run, and of the masks, among a request's parameters."""
    given = {name: value for name, value in request.query_params.items() if name in (*OF_RUN, *OF_MASKS)}
    run = {name: value for name, value in given.items() if name in OF_RUN}
    masks = {name: value for name, value in given.items() if name in OF_MASKS}
    return checked(run, OF_RUN), checked(masks, OF_MASKS)
