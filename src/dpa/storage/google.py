"""What gcsfs is told, so that gs:// says within seconds that there is no network."""

from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any


class Away(Exception):
    """Nothing answers. Not an error of those that gcsfs tries six times, for half a minute: `insist` does."""


@lru_cache
def settings() -> dict[str, Any]:
    """Options of gcsfs: what users have set in fsspec's settings, and where they have set nothing, ours.

    Where google-auth finds no credentials, having waited for the metadata server of Google's machines, gcsfs
    would look for it again, and once more for each request: it is told that there are none.
    """
    import google.auth
    from fsspec.config import apply_config
    from fsspec.registry import get_filesystem_class
    from gcsfs.credentials import GoogleCredentials
    from google.auth.exceptions import GoogleAuthError

    given: dict[str, Any] = apply_config(get_filesystem_class("gs"), {})
    # What kind a bucket is, is asked for before each request by another way, for a minute if nobody answers.
    options: dict[str, Any] = {"retry_timeout": 1, "session_kwargs": {"middlewares": (knocking(),)}}
    if "token" not in given and not GoogleCredentials.tokens:
        try:
            google.auth.default()
        except GoogleAuthError:
            options["token"] = "anon"
    return options | given


def knocking() -> Callable[[Any, Callable[[Any], Awaitable[Any]]], Awaitable[Any]]:
    """A middleware of aiohttp: as long as nothing has ever answered, a failed connection is `Away`.

    Later ones are gcsfs's own to outlive: a long run does not end with a short break.
    """
    answered = False

    async def knock(request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        nonlocal answered
        from aiohttp import ClientConnectorError

        try:
            answer = await handler(request)
        except ClientConnectorError as error:
            if answered:
                raise
            raise Away(f"no connection to {error.host}: {error.os_error.strerror or error}") from error
        answered = True
        return answer

    return knock
