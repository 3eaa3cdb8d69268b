"""Google's storage where nothing of it can be reached."""

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from dpa.errors import InputError
from dpa.storage import files, google

pytest.importorskip("gcsfs")

NOBODY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec
    import gcsfs

    monkeypatch.setattr(fsspec.config, "conf", {})
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", NOBODY)
    monkeypatch.setattr(files, "WAITS", [0.0, 0.0])
    google.settings.cache_clear()
    gcsfs.GCSFileSystem.clear_instance_cache()


def unknown(*_: Any, **__: Any) -> Any:
    from google.auth.exceptions import DefaultCredentialsError

    raise DefaultCredentialsError("none")


@pytest.mark.slow
def test_without_a_network_it_is_said_at_once(monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    asked: list[None] = []

    def none(*_: Any, **__: Any) -> Any:
        asked.append(None)
        unknown()

    monkeypatch.setattr("google.auth.default", none)
    sentence = r"gs://bucket/a cannot be read: the storage failed 3 times \(no connection to 127.0.0.1: "
    with caplog.at_level(logging.DEBUG, "gcsfs"), pytest.raises(InputError, match=sentence):
        files.read("gs://bucket/a")
    assert not [line for line in caplog.messages if "retrying" in line or "out of retries" in line]
    assert len(asked) == 1, "who waited for the metadata server once does not wait for it again"


def test_users_settings_stay_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    monkeypatch.setattr("google.auth.default", unknown)
    monkeypatch.setitem(fsspec.config.conf, "gcs", {"token": "cloud", "session_kwargs": {"trust_env": True}})
    settings = google.settings()
    assert (settings["token"], settings["session_kwargs"]) == ("cloud", {"trust_env": True})


def test_credentials_that_are_found_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("google.auth.default", lambda: ("credentials", "project"))
    assert "token" not in google.settings()


def test_a_break_later_is_left_to_the_library() -> None:
    from aiohttp import ClientConnectorError

    knock = google.knocking()
    key = SimpleNamespace(host="h", port=443, ssl=True)
    error = ClientConnectorError(key, OSError(-2, "Name or service not known"))  # type: ignore[arg-type]

    async def silent(_: Any) -> Any:
        raise error

    async def answers(_: Any) -> str:
        return "hello"

    with pytest.raises(google.Away, match="no connection to h: Name or service not known"):
        asyncio.run(knock(None, silent))
    assert asyncio.run(knock(None, answers)) == "hello"
    with pytest.raises(ClientConnectorError):
        asyncio.run(knock(None, silent))
