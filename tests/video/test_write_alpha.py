"""Alpha: how it survives the codecs, and what colours it comes with."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from video_samples import make_video, picture, results, run

from dpa.video import open_sink, open_source
from dpa.video.frame import Frame
from dpa.video.segmented import Segmented
from dpa.video.write.matte import before_colour, edge_colours, foreground, ramp
from dpa.video.write.paint import GREEN, paint_alpha, paint_green, paint_rgba, painter


def decode_alpha(path, decoder: str | None = None) -> list[np.ndarray]:
    """(H, W, 4) RGBA frames; WebM needs libvpx, since FFmpeg's own decoder ignores the alpha layer."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context if decoder is None else av.CodecContext.create(decoder, "r")
        if decoder is not None:
            context.extradata = stream.codec_context.extradata
        frames = []
        for packet in container.demux(stream):
            frames += context.decode(packet if packet.size else None)
    return [frame.to_ndarray(format="rgba") for frame in frames]


@pytest.mark.parametrize("size", [(48, 64), (47, 63)])
@pytest.mark.parametrize(("name", "decoder"), [("out.webm", "libvpx-vp9"), ("out.mov", None)])
def test_alpha_comes_back(tmp_path, size, name, decoder):
    source = make_video(
        tmp_path / "in.mkv", [picture(i, size) for i in range(5)], codec="ffv1", pixel_format="bgr0"
    )
    with open_source(source) as opened, open_sink(tmp_path / name, None, opened) as sink:
        run(opened, sink)
    frames = decode_alpha(tmp_path / name, decoder)
    assert len(frames) == 5
    for index, frame in enumerate(frames):
        frame = frame[: size[0], : size[1]]
        probability, mask, _ = results(index, size)
        expected = ramp(probability)
        assert np.abs(frame[:, :, 3].astype(int) - expected).mean() < 3
        assert frame[:, :, 3][expected == 0].max() <= 12
        assert frame[:, :, 3][expected == 255].min() >= 243
        wanted = paint_alpha(Segmented(Frame(picture(index, size), index), probability, mask))
        inside = expected == 255
        assert np.abs(frame[inside, :3].astype(int) - wanted[inside, :3]).mean() < 8


def test_webm_says_that_it_has_alpha(tmp_path):
    source = make_video(tmp_path / "in.mp4", 2)
    with open_source(source) as opened, open_sink(tmp_path / "out.webm", None, opened) as sink:
        run(opened, sink)
    with av.open(str(tmp_path / "out.webm")) as container:
        metadata = {key.lower(): value for key, value in container.streams.video[0].metadata.items()}
    assert metadata["alpha_mode"] == "1"


@given(st.floats(0, 1, width=32))
def test_alpha_is_a_ramp_that_keeps_the_half(probability):
    alpha = int(ramp(np.full((1, 1), probability, np.float32))[0, 0])
    assert abs(alpha - 255 * np.clip((probability - 0.1) / 0.8, 0, 1)) <= 0.51
    assert (alpha > 127.5) == (probability > 0.5) or abs(probability - 0.5) < 0.002


def blend(size: tuple[int, int] = (120, 160)) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A red disc with a wide soft edge before a bright blue wall: picture, alpha, and its one true colour."""
    y, x = np.mgrid[: size[0], : size[1]]
    alpha = np.rint(np.clip((40 - np.hypot(y - 60, x - 80)) / 12 + 0.5, 0, 1) * 255).astype(np.uint8)
    red, blue = np.array([200, 40, 30], np.float32), np.array([60, 120, 250], np.float32)
    share = alpha[:, :, None] / np.float32(255)
    image = red * share + blue * (1 - share)
    return (image + 0.5).astype(np.uint8), alpha, red


def test_the_background_is_taken_out_of_the_edge():
    image, alpha, red = blend()
    edge = (alpha > 51) & (alpha < 230)
    before = np.abs(image[edge] - red).mean()
    after = np.abs(foreground(image, alpha)[edge] - red).mean()
    assert before > 40
    assert after < before / 7


def test_opaque_pixels_keep_their_colour():
    image = np.random.default_rng(0).integers(0, 255, (60, 80, 3), np.uint8)
    alpha = np.zeros((60, 80), np.uint8)
    alpha[20:40, 20:50] = 255
    assert np.array_equal(foreground(image, alpha)[alpha == 255], image[alpha == 255])


def plainly(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Blur fusion written down as in the paper, on whole pictures of a multiple of 4: (H, W, 3) float64."""

    def fuse(image, fore, back, share, size):
        def mean(plane):
            return cv2.blur(plane, (size, size))

        share = np.dstack([share] * 3)
        mean_fore = mean(fore * share) / (mean(share) + 1e-5)
        mean_back = mean(back * (1 - share)) / (1 - mean(share) + 1e-5)
        return mean_fore + share * (image - share * mean_fore - (1 - share) * mean_back), mean_back

    image, share = image.astype(float), alpha / 255
    small = (alpha.shape[1] // 4, alpha.shape[0] // 4)
    coarse = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    planes = fuse(coarse, coarse, coarse, cv2.resize(share, small, interpolation=cv2.INTER_AREA), 22)
    fore, back = (cv2.resize(plane, alpha.shape[::-1]) for plane in planes)
    return np.where(share[:, :, None] == 1, image, np.clip(fuse(image, fore, back, share, 6)[0], 0, 255))


def noisy(height: int, width: int, seed: int, grain: float) -> tuple[np.ndarray, np.ndarray]:
    """A picture, and an alpha with opaque, clear and soft parts; `grain` is their size in pixels."""
    rng = np.random.default_rng(seed)
    field = cv2.GaussianBlur(rng.standard_normal((height, width)), (0, 0), grain)
    alpha = np.rint(np.clip(field / (field.std() + 1e-9) + 0.3, 0, 1) * 255).astype(np.uint8)
    return rng.integers(0, 255, (height, width, 3), np.uint8), alpha


@pytest.mark.parametrize("grain", [2, 6, 20])
@pytest.mark.parametrize("size", [(160, 240), (36, 200), (64, 32)])
def test_colours_of_the_edge_are_those_of_the_plain_formula(size, grain):
    image, alpha = noisy(*size, 1, grain)
    expected, colours = plainly(image, alpha), foreground(image, alpha)
    visible = alpha > 0
    assert np.abs(colours - expected)[visible].max() <= 2
    share = alpha[:, :, None] / 255
    green = before_colour(image, alpha, GREEN)
    before = expected * share + np.array(GREEN) * (1 - share)
    assert np.abs(green - before)[visible].max() <= 2
    assert np.array_equal(green[alpha == 255], image[alpha == 255])
    assert (green[alpha == 0] == GREEN).all()


def test_a_small_object_in_a_large_picture_has_the_same_colours():
    image, alpha = noisy(400, 600, 3, 5)
    alpha[:, :200] = alpha[:, 320:] = 0
    alpha[:160] = alpha[280:] = 0
    visible = alpha > 0
    assert np.abs(foreground(image, alpha) - plainly(image, alpha))[visible].max() <= 2


def test_the_colours_run_on_a_little_outside_and_no_farther():
    image, alpha = np.full((64, 64, 3), 90, np.uint8), np.zeros((64, 64), np.uint8)
    alpha[20:40, 20:40] = 255
    colours = foreground(image, alpha)
    assert (np.abs(colours[18:41, 18:41].astype(int) - 90) <= 1).all()
    colours[16:44, 16:44] = 0
    assert not colours.any()


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(0, 99))
def test_windows_cover_the_edge_once_at_any_size(height, width, seed):
    image, alpha = noisy(height, width, seed, 1 + seed % 5)
    seen = np.zeros((height, width), int)
    for window, colours in edge_colours(image, alpha):
        assert colours.shape == image[window].shape
        assert colours.dtype == np.uint8
        seen[window] += 1
    assert seen.max(initial=0) <= 1
    assert (seen[(alpha > 0) & (alpha < 255)] == 1).all()


def test_nothing_there_is_nothing_written():
    frame, empty = Frame(picture(0), 0), np.zeros((48, 64), np.float32)
    assert not paint_rgba(Segmented(frame, empty, empty > 0.5)).any()
    assert (paint_green(Segmented(frame, empty, empty > 0.5)) == (0, 177, 64)).all()


def test_the_ramp_is_from_a_tenth_to_nine_tenths():
    probability = np.float32([[0, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 1]])
    assert np.abs(ramp(probability).astype(int) - [[0, 0, 32, 64, 128, 191, 223, 255, 255]]).max() <= 1


def test_what_is_transparent_shows_nothing_of_the_background():
    probability, mask, _ = results(0)
    rgba = paint_rgba(Segmented(Frame(picture(0), 0), probability, mask))
    assert not rgba[rgba[:, :, 3] == 0].any()
    assert rgba[mask].any()


def test_composed_before_its_own_background_the_picture_comes_back():
    image, alpha, _ = blend()
    probability = alpha / np.float32(255) * np.float32(0.8) + np.float32(0.1)
    green = paint_green(Segmented(Frame(image, 0, Fraction(0)), probability, alpha > 127))
    assert np.array_equal(green[alpha == 255], image[alpha == 255])
    assert (green[alpha == 0] == GREEN).all()


def test_painters_leave_the_frame_alone():
    frame, before = Frame(picture(0), 0), picture(0)
    for kind in ("mask", "soft", "overlay", "rgba", "alpha", "green", "strip"):
        painted = painter(kind)(Segmented(frame, *results(0)))
        assert painted.dtype == np.uint8
        assert np.array_equal(frame.image, before), kind


def test_a_strip_without_flow_is_black_there():
    probability, mask, _ = results(0)
    strip = painter("strip")(Segmented(Frame(picture(0), 0), probability, mask, None))
    assert strip.shape == (48, 256, 3)
    assert not strip[:, 64:128].any()
    assert np.array_equal(strip[:, :64], picture(0))
    assert np.array_equal(strip[:, 128:192, 0] == 255, mask)


def test_flow_of_another_size_fills_its_panel():
    probability, mask, flow = results(0)
    strip = painter("strip")(Segmented(Frame(picture(0), 0), probability, mask, cv2.resize(flow, (20, 15))))
    assert strip[:, 64:128].any()


def test_overlay_tints_the_object_only():
    probability, mask, _ = results(0)
    painted = painter("overlay")(Segmented(Frame(picture(0), 0), probability, mask, None))
    far = cv2.dilate(mask.astype(np.uint8), np.ones((7, 7))) == 0
    assert np.array_equal(painted[far], picture(0)[far])
    assert (painted[mask] != picture(0)[mask]).any(axis=1).all()
    inside = cv2.erode(mask.astype(np.uint8), np.ones((7, 7))) > 0
    half = (picture(0)[inside].astype(float) + np.array((255, 64, 64))) / 2
    assert inside.any()
    assert np.abs(painted[inside] - half).max() <= 1
