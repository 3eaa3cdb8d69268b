"""Taking in a file: bounded, typed by what is in it, under a name of ours."""

import shutil
from collections.abc import AsyncIterator, Mapping

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
    """Write an upload to disk.

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
    video = store.new(session, name, suffix)
    try:
        with video.source.open("wb") as file:
            file.write(head)
            async for chunk in chunks:
                file.write(chunk)
                check_size(file.tell(), settings, store)
    except BaseException:
        store.remove(video)
        raise
    return video


def check_size(size: int, settings: WebSettings, store: Store) -> None:
    """Check that so many bytes may be uploaded.

    Raises:
        TooLarge: they may not, or the disk has no room.
    """
    if size > settings.max_size:
        raise TooLarge(say("error.size", most=f"{settings.max_size / 10**9:.3g} GB"))
    if shutil.disk_usage(store.folder).free < size + _SPARE:
        raise TooLarge(say("error.disk"))
