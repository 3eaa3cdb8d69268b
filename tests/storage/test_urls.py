"""Names of files in a storage."""

import pytest

from dpa.storage import urls


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("clip.mp4", ()),
        ("C:/clip.mp4", ()),
        ("s3://b/clip.mp4", ("url", "stored")),
        ("S3://b/clip.mp4", ("url", "stored")),
        ("memory://b", ("url", "stored")),
        ("https://host/a.mp4", ("url", "web")),
        ("rtsp://camera", ("url",)),
        ("file:///a.mp4", ("url",)),
    ],
)
def test_kinds(text: str, kinds: tuple[str, ...]) -> None:
    found = {"url": urls.is_url(text), "stored": urls.is_stored(text), "web": urls.is_web(text)}
    assert tuple(kind for kind, holds in found.items() if holds) == kinds


def test_parts_of_names() -> None:
    signed = "https://host/deep/a.b.MP4?X-Signature=1/2.png#t"
    assert urls.path_of(signed) == "host/deep/a.b.MP4"
    assert (urls.name_of(signed), urls.stem_of(signed), urls.suffix_of(signed)) == ("a.b.MP4", "a.b", ".mp4")
    assert urls.name_of("s3://bucket/frames/") == "frames"
    assert urls.join("s3://b/out/", "a/x.mp4") == "s3://b/out/a/x.mp4"
    assert urls.join("out/", "a") == "out/a"
