"""The files for containers call the command as it is."""

import json
import re
from pathlib import Path

import pytest

from dpa import cli

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.mark.parametrize("name", ["Dockerfile", "huggingface/Dockerfile"])
def test_containers_start_the_server_with_options_that_there_are(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command
) -> None:
    text = (DEPLOY / name).read_text("utf-8").replace("\\\n", " ")
    words = json.loads(re.findall(r"^CMD (\[.*\])", text, re.MULTILINE)[-1])
    assert words[:2] == ["dpa", "web"]
    cli.load("web").make_context("web", words[2:])
    seen = []
    monkeypatch.setattr("dpa.web.serve.serve", lambda settings, ready: seen.append(settings))
    monkeypatch.delenv("DPA_WEB_PASSWORD", raising=False)
    code, _, error = command(*words[1:])
    assert code == 1
    assert "give --password too" in error
    monkeypatch.setenv("DPA_WEB_PASSWORD", "choose another")
    assert command(*words[1:])[0] == 0
    assert (seen[0].host, seen[0].port, seen[0].password) == ("0.0.0.0", 7860, "choose another")
    assert f"EXPOSE {seen[0].port}" in text


def test_the_proxy_takes_what_the_server_takes() -> None:
    from dpa.web.settings import WebSettings, size_of

    taken = re.search(r"max_size (\w+)", (DEPLOY / "Caddyfile").read_text("utf-8"))
    assert taken is not None
    assert size_of(taken[1]) == WebSettings().max_size
    assert "reverse_proxy dpa:7860" in (DEPLOY / "Caddyfile").read_text("utf-8")
