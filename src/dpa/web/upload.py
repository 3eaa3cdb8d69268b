"""Taking in a file: bounded, typed by what is in it, under a name of ours."""

import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

from dpa.errors import DPAError, InputError
from dpa.web.settings import WebSettings
from dpa.web.sniff import HEAD, suffix_of
from dpa.web.store import Store, Video
from dpa.web.words import say

_SPARE = 500 * 10**6
"""Bytes of the disk that uploads leave free."""


class TooLarge(DPAError):
    """An upload is larger than is taken."""


async def receive(
    chunks: AsyncIterator[bytes],
    headers: Mapping[str, str],
    session: str,
    name: str,
    settings: WebSettings,
    store: Store,
) -> Video:
    """Take a video in.

    Args:
        chunks: of the body.
        headers: of the request; a length that is said is believed only where it is too much.
        session: whose it will be.
        name: what the user calls it.
        settings: know the limits.
        store: where it goes.

    Raises:
        TooLarge, InputError: it is not taken; nothing of it is left.
    """
    videos: list[Video] = []

    def place(suffix: str) -> Path:
        videos.append(store.new(session, name, suffix))
        return videos[0].source

    try:
        await save(chunks, headers, name, place, settings, store)
    except BaseException:
        for video in videos:
            store.remove(video)
        raise
    return videos[0]


async def save(
    chunks: AsyncIterator[bytes],
    headers: Mapping[str, str],
    name: str,
    place: Callable[[str], Path],
    settings: WebSettings,
    store: Store,
) -> Path:
    """Write an upload to disk.

    Args:
        chunks, headers, name, settings, store: see `receive`.
        place: gives the file for a suffix.

    Raises:
        TooLarge, InputError: it is not taken; nothing of it is left.
    """
    said = headers.get("content-length", "")
    check_size(int(said) if said.isdecimal() else 0, settings, store)
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= HEAD:
            break
    suffix = suffix_of(head[:HEAD])
    if not head:
        raise InputError(say("error.empty"))
    if suffix is None:
        raise InputError(say("error.type", name=name or say("unnamed")))
    path = place(suffix)
    try:
        with path.open("wb") as file:
            file.write(head)
            async for chunk in chunks:
                file.write(chunk)
                check_size(file.tell(), settings, store)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def check_size(size: int, settings: WebSettings, store: Store) -> None:
    """Check that so many bytes may be uploaded.

    Raises:
        TooLarge: they may not, or the disk has no room.
    """
    if size > settings.max_size:
        raise TooLarge(say("error.size", most=f"{settings.max_size / 10**9:.3g} GB"))
    if shutil.disk_usage(store.folder).free < size + _SPARE:
        raise TooLarge(say("error.disk"))
