"""What stands before every request: whose it is, whether it may be, and what browsers are told to refuse."""

import asyncio
import base64
import binascii
import hashlib
import secrets
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import SplitResult, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dpa.web.settings import WebSettings
from dpa.web.words import say

COOKIE = "dpa_session"
_SAFE = ("GET", "HEAD", "OPTIONS")
_LOCAL = {"localhost", "127.0.0.1", "::1"}
_WRONG = 1.0  # seconds that an answer to a wrong password takes

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(self), microphone=(self), geolocation=()",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Lets requests through to an application, with the session that they are of in `request.state.session`.

    A page of another site can neither make requests in a user's name (`Origin`, `Sec-Fetch-Site`, the
    cookie's `SameSite`), nor reach a local server by a name of its own that leads to this machine (`Host`).

    Args:
        app: the application.
        settings: password and host.
    """

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app, self._settings = app, settings
        given = settings.password
        self._password = None if given is None else hashlib.sha256(given.encode()).digest()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refused = self._refused(scope, headers)
        if refused is None and self._password is not None and not self._knows_password(headers):
            if "authorization" in headers:
                await asyncio.sleep(_WRONG)
            refused = JSONResponse(
                {"error": say("error.password")}, 401, {"www-authenticate": 'Basic realm="dpa"'}
            )
        session = _session(headers)
        scope.setdefault("state", {})["session"] = session or secrets.token_urlsafe(24)

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._mark(scope, MutableHeaders(scope=message), new=session is None and refused is None)
            await send(message)

        await (refused or self._app)(scope, receive, sent)

    def _refused(self, scope: Scope, headers: Headers) -> JSONResponse | None:
        host = _parts(f"//{headers.get('host', '')}")
        if self._settings.is_local and host.hostname not in {*_LOCAL, self._settings.host}:
            return JSONResponse({"error": say("error.host")}, 421)
        if scope["method"] in _SAFE:
            return None
        origin = headers.get("origin")
        other = origin is not None and _parts(origin).netloc != (host.netloc or None)
        if other or headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return JSONResponse({"error": say("error.origin")}, 403)
        return None

    def _knows_password(self, headers: Headers) -> bool:
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return False
        try:
            _, _, given = base64.b64decode(value, validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return False
        assert self._password is not None
        return secrets.compare_digest(hashlib.sha256(given).digest(), self._password)

    def _mark(self, scope: Scope, headers: MutableHeaders, *, new: bool) -> None:
        embedded = self._settings.embed_in
        headers["content-security-policy"] = _POLICY + (embedded or "'none'")
        for name, value in _HEADERS.items():
            headers[name] = value
        if "cache-control" not in headers:
            headers["cache-control"] = "no-store"
        if new:
            site = "SameSite=None; Secure; Partitioned" if embedded else "SameSite=Strict"
            if scope.get("scheme") == "https" and not embedded:
                site += "; Secure"
            headers.append("set-cookie", f"{COOKIE}={scope['state']['session']}; HttpOnly; Path=/; {site}")


def _parts(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:  # an IPv6 address without its end
        return urlsplit("")


def _session(headers: Headers) -> str | None:
    try:
        cookies: SimpleCookie = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return None
    value: Any = cookies.get(COOKIE)
    # Those that we gave have this length: what others make up is not as hard to guess.
    return value.value if value is not None and len(value.value) == 32 else None
