"""Names of results."""

from pathlib import Path

import pytest

from dpa.batch.inputs import Video
from dpa.batch.job import Job
from dpa.batch.plan import plan
from dpa.errors import InputError

OUT = "out"
COMMON = Job("", "", (), {"size": 128}, encode="good")


def given(*sources: str) -> list[Video]:
    return [Video(source, Path(source).stem) for source in sources]


def outputs(videos: list[Video], *kinds: str) -> list[list[str]]:
    return [[path for path, _ in job.outputs] for job in plan(videos, OUT, kinds, COMMON)]


@pytest.mark.parametrize(
    ("kinds", "film", "frames"),
    [
        ([], "out/a/", "out/frames/"),
        (["soft"], "out/a/", "out/frames/"),
        (["overlay"], "out/a.mp4", "out/frames/"),
        (["alpha"], "out/a.webm", "out/frames.webm"),
        (["coco"], "out/a.json", "out/frames.json"),
    ],
)
def test_a_kind_says_what_the_result_is(tmp_path: Path, kinds: list[str], film: str, frames: str) -> None:
    (tmp_path / "frames").mkdir()
    videos = [Video("a.mp4", "a"), Video(str(tmp_path / "frames"), "frames")]
    assert outputs(videos, *kinds) == [[film], [frames]]


def test_several_kinds_are_in_a_folder_each() -> None:
    assert outputs(given("a.mp4"), "mask", "alpha") == [["out/a/mask", "out/a/alpha.webm"]]


def test_names_that_collide_keep_the_tree_and_then_the_suffix() -> None:
    names = [job.name for job in plan(given("x/1/a.mp4", "x/2/a.mp4", "x/2/b.mp4"), OUT, [], COMMON)]
    assert names == ["1/a", "2/a", "b"]
    names = [job.name for job in plan(given("a.mp4", "a.MOV", "b.mp4"), OUT, [], COMMON)]
    assert names == ["a_mp4", "a_MOV", "b"]
    # out/a would be a folder of masks with another result inside it.
    tree = [Video("c/a.mp4", "a"), Video("c/a/b.mp4", "a/b")]
    assert [job.name for job in plan(tree, OUT, [], COMMON)] == ["a_mp4", "a/b"]


def test_names_that_differ_by_case_alone_are_numbered() -> None:
    names = [job.name for job in plan(given("a.MP4", "a.mp4", "b.mp4", "B.mp4"), OUT, [], COMMON)]
    assert names == ["a_MP4", "a_mp4_2", "b_mp4", "B_mp4_2"]
    twice = [Video("a.mp4", "a", settings={"size": size}) for size in (64, 128)]
    with pytest.raises(InputError, match="another result"):
        plan(twice, OUT, [], COMMON)


def test_one_input_twice_is_one_job() -> None:
    assert len(plan(given("a.mp4", "./a.mp4", "b.mp4"), OUT, [], COMMON)) == 2


def test_a_manifest_names_results_and_settings() -> None:
    videos = [
        Video("a.mp4", "a", "deep/first.webm", "", {"size": 256}),
        Video("a.mp4", "a", "second", "soft"),
        Video("b.mp4", "b"),
    ]
    first, second, third = plan(videos, OUT, [], COMMON)
    assert (first.outputs, first.settings) == ((("out/deep/first.webm", "alpha"),), {"size": 256})
    assert (second.outputs, second.settings) == ((("out/second", "soft"),), {"size": 128})
    assert third.outputs == (("out/b/", "mask"),)
    assert first.encode == "good"


def test_results_that_cannot_be_told_apart_are_an_error() -> None:
    videos = [Video("a.mp4", "a", "x"), Video("b.mp4", "b", "X")]
    with pytest.raises(InputError, match="another result"):
        plan(videos, OUT, [], COMMON)
    with pytest.raises(InputError, match="another result"):
        plan([Video("a.mp4", "a", "x"), Video("b.mp4", "b", "x/y")], OUT, [], COMMON)
    with pytest.raises(InputError, match="cannot hold the kind soft"):
        plan([Video("a.mp4", "a", "x.mp4", "soft")], OUT, [], COMMON)


def test_no_result_replaces_an_input(tmp_path: Path) -> None:
    chain = [Video("out/a.mp4", "a", "b.mp4"), Video("./out/b.mp4", "b", "c.mp4")]
    with pytest.raises(InputError, match=r"of out/a\.mp4 would be out/b\.mp4 and replace the input"):
        plan(chain, OUT, [], COMMON)
    with pytest.raises(InputError, match=r"replace the input out/frames"):
        plan([Video("frames.mp4", "frames"), Video("out/frames", "deep/frames")], OUT, [], COMMON)
    with pytest.raises(InputError, match=r"replace the input s3://b/a\.mp4"):
        plan([Video("s3://b/a.mp4", "a")], "s3://b", ["overlay"], COMMON)
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(InputError, match="give another folder with -o"):
        plan([Video(str(tmp_path / "a.mp4"), "a")], str(tmp_path / "link"), ["overlay"], COMMON)
    for pictures in ("out/frames/%03d.png", "out/frames/*.png"):
        with pytest.raises(InputError, match=r"would be out/frames/ and replace the input out/frames/"):
            plan([Video("frames.mp4", "frames"), Video(pictures, "deep/frames")], OUT, [], COMMON)
    # A folder of results may hold the input.
    assert outputs([Video("out/a/a.mp4", "a")]) == [["out/a/"]]
