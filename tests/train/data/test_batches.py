"""Training batches: a pure function of seed and iteration, picture, mask and flow of one place."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from model_samples import build

from dpa.datasets.layout import find_sequences, find_still_flows, find_stills
from dpa.errors import InputError
from dpa.train.data.augment import AugmentSettings, View
from dpa.train.data.batches import Batches
from dpa.train.data.border import border
from dpa.train.data.read import read_view
from dpa.train.data.synthetic_flow import SyntheticFlowSettings, synthetic_layers

PLAIN = AugmentSettings(
    border=0, rotate=0.0, brightness=(1, 1), contrast=(1, 1), colour=(1, 1), sharpness=(1, 1)
)


def test_flow_of_smaller_frames_stays_aligned(tmp_path: Path) -> None:
    # `dpa flow --size` writes pictures smaller than the frames: crops must take the same part of both.
    mask = np.zeros((120, 200), np.uint8)
    mask[30:90, 100:180] = 255
    for kind, size in (("RGB", (200, 120)), ("GT", (200, 120)), ("FLOW", (100, 60))):
        (tmp_path / kind).mkdir()
        picture = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(tmp_path / kind / "box_00000.png"), picture)
    settings = AugmentSettings(**vars(PLAIN) | {"crop": 0.5, "rotate": 1.0})
    batches = Batches(
        [],
        find_sequences(tmp_path, masks=True, flows=True),
        groups=8,
        views=2,
        share=0.0,
        sizes=[(96, 160)],
        motion=True,
        settings=settings,
        seed=0,
    )
    batch = batches[0]
    assert batch.flow is not None
    for picture in (batch.image, batch.flow):
        found = picture[:, :1] > 127
        union = np.count_nonzero(found | (batch.mask > 0))
        assert np.count_nonzero(found & (batch.mask > 0)) > 0.95 * union


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three stills and two videos of four frames; every picture has a colour of its own."""
    number = 0
    for folder, stems in (
        ("stills", ["a", "b", "c"]),
        ("videos", [f"{v}_{i:05d}" for v in ("one", "two") for i in range(4)]),
    ):
        for stem in stems:
            number += 20
            mask = np.zeros((48, 64), np.uint8)
            mask[12:36, 16:48] = 1  # any value above 0 is the object
            for kind, picture in (("RGB", mask * 0 + number), ("GT", mask), ("FLOW", mask * 0 + 9)):
                (tmp_path / folder / kind).mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(tmp_path / folder / kind / f"{stem}.png"), picture)
    return tmp_path


def _values(**changes) -> dict:
    values = {
        "groups": 4,
        "views": 3,
        "share": 0.5,
        "sizes": [(32, 64), (64, 32)],
        "motion": True,
        "settings": PLAIN,
        "seed": 7,
    }
    return values | changes


def _batches(root: Path, **changes) -> Batches:
    return Batches(find_stills(root / "stills"), find_sequences(root / "videos"), **_values(**changes))


def test_a_pure_function_of_seed_and_iteration(root: Path) -> None:
    first, second = _batches(root, settings=AugmentSettings()), _batches(root, settings=AugmentSettings())
    for iteration in (5, 0, 5):  # in any order, from any object
        a, b = first[iteration], second[iteration]
        assert np.array_equal(a.image, b.image)
        assert np.array_equal(a.flow, b.flow)  # type: ignore[arg-type]
        assert np.array_equal(a.mask, b.mask)
        second[9]
    assert not np.array_equal(first[0].image.ravel(), first[1].image.ravel())
    other = _batches(root, settings=AugmentSettings(), seed=8)
    assert not np.array_equal(first[0].image.ravel(), other[0].image.ravel())


def test_shapes_and_all_sizes(root: Path) -> None:
    batches = _batches(root)
    sizes = set()
    for i in range(12):
        batch = batches[i]
        sizes.add(batch.image.shape[2:])
        assert batch.image.shape == batch.flow.shape == (12, 3, *batch.image.shape[2:])  # type: ignore[union-attr]
        assert batch.mask.shape == (12, 1, *batch.image.shape[2:])
        assert set(np.unique(batch.mask)) == {0, 255}
    assert sizes == {(32, 64), (64, 32)}
    assert _batches(root, motion=False)[0].flow is None


def test_borders_are_those_of_the_masks(root: Path) -> None:
    batch = _batches(root, borders=True)[0]
    assert batch.border is not None
    assert batch.border.shape == batch.mask.shape
    assert all(
        np.array_equal(near[0], border(mask[0])) for near, mask in zip(batch.border, batch.mask, strict=True)
    )
    assert batch.border.any()
    assert _batches(root)[0].border is None, "the paper's loss weighs none"


def test_groups_are_views_of_one_video_or_still(root: Path) -> None:
    batch = _batches(root)[0]
    colours = batch.image[:, 0, 5, 5].reshape(4, 3).astype(int)
    for still in colours[:2]:
        assert len(set(still)) == 1
        assert still[0] <= 60
    for video in colours[2:]:
        assert len(set(video)) == 3, "frames are drawn without repetition while there are enough"
        assert len({(c - 80) // 80 for c in video}) == 1
    assert (batch.flow[6:] == 9).all()  # type: ignore[index]
    assert not (batch.flow[:6] == 9).all()  # type: ignore[index]


@pytest.mark.slow
def test_the_query_may_be_among_the_paper_s_references(root: Path) -> None:
    """Each frame has its grey: those of the references are drawn from all frames, the query's too."""

    def with_query(**changes: object) -> float:
        batches = _batches(root, share=0.0, **changes)
        groups = np.concatenate([batches[i].image[:, 0, 5, 5].reshape(-1, 3) for i in range(40)])
        assert all(len(set(g[1:])) == 2 for g in groups)  # the references differ
        return float(np.mean([g[0] in g[1:] for g in groups]))

    assert with_query(distinct=True) == 0
    assert with_query(distinct=False) == pytest.approx(2 / 4, abs=0.12)  # two of four frames


def test_flow_beside_stills_is_read_and_that_of_the_others_made(root: Path) -> None:
    stills = find_stills(root / "stills")
    (root / "stills" / "FLOW" / "b.png").unlink()
    flows = find_still_flows(root / "stills", stills)
    assert [flow is not None for flow in flows] == [True, False, True]
    batches = Batches(stills, [], **_values(share=1.0, still_flows=flows, groups=3, paste=0.5))
    seen = {}
    for i in range(6):
        batch = batches[i]
        for view in range(9):
            seen.setdefault(int(batch.image[view, 0, 1, 1]), set()).add(bool((batch.flow[view] == 9).all()))  # type: ignore[index]
    own = [seen[int(cv2.imread(str(image))[1, 1, 0])] for image, _ in stills]
    assert own[1] == {False}
    assert True in own[0]
    assert True in own[2]
    cv2.imwrite(str(root / "stills" / "FLOW" / "z.png"), np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match="no picture z"):
        find_still_flows(root / "stills", stills)


def test_a_share_of_the_groups_sees_the_frame_in_the_motion_stream(root: Path) -> None:
    batches = _batches(root, frame_flow=0.5)
    same = []
    for i in range(20):
        batch = batches[i]
        groups = zip(batch.image.reshape(4, -1), batch.flow.reshape(4, -1), strict=True)  # type: ignore[union-attr]
        same += [np.array_equal(image, flow) for image, flow in groups]
    assert np.mean(same) == pytest.approx(0.5, abs=0.15)
    plain = _batches(root)
    assert not any(np.array_equal(plain[i].image, plain[i].flow) for i in range(3))


def test_some_views_lose_the_object_in_their_flow(root: Path) -> None:
    plain, batches = _batches(root), _batches(root, lost=1.0)
    for i in range(3):
        lost = (plain[i].flow != batches[i].flow).any(axis=(1, 2, 3)).reshape(4, -1)  # type: ignore[union-attr]
        assert (lost.sum(axis=1) == lost.shape[1] - 1).all(), "all but one of a group"
        assert np.array_equal(plain[i].image, batches[i].image)


def test_soft_masks_reach_the_loss_as_they_are(root: Path) -> None:
    batch = _batches(root, settings=AugmentSettings(paper=True))[0]
    assert len(np.unique(batch.mask)) > 10


@pytest.mark.parametrize(("share", "wanted"), [(0.0, 0.0), (0.3, 0.3), (1.0, 1.0)])
def test_share_of_stills(root: Path, share: float, wanted: float) -> None:
    batches = _batches(root, share=share, motion=False)
    stills = [(batches[i].image[::3, 0, 5, 5] <= 60).mean() for i in range(60)]
    assert np.mean(stills) == pytest.approx(wanted, abs=0.06)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_bars_in_stills_and_in_video_frames(root: Path, share: float) -> None:
    given = {"share": share, "sizes": [(48, 64)]}
    plain, barred = (_batches(root, **given, bars=bars) for bars in (0.0, 1.0))
    shown, cut, drawn = [], [], []
    for i in range(6):
        a, b = plain[i], barred[i]
        assert (a.image.std(axis=(2, 3)) == 0).all()
        assert (b.mask <= a.mask).all()
        # Whatever is still object looks as it did: its frame's one colour.
        for picture, mask in zip(b.image[:, 0], b.mask[:, 0], strict=True):
            assert len(np.unique(picture[mask > 0])) <= 1
        shown += list((b.image != b.image[..., :1, :1]).any(axis=(1, 2, 3)))
        cut += list((b.mask < a.mask).any(axis=(1, 2, 3)))
        drawn += list((b.flow != 9).any(axis=(1, 2, 3)))  # type: ignore[union-attr]
    assert np.mean(shown) > 0.9
    assert 0.3 < np.mean(cut) < 1
    if not share:
        assert 0.2 < np.mean(drawn) < 1, "an estimator sees some bars and loses others"


@pytest.mark.parametrize("estimated", [0.0, 1.0])
def test_of_two_objects_one_always_moves(
    root: Path, estimated: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another still's object is pasted in, only motion tells which one is meant."""
    drawn: list[SyntheticFlowSettings] = []

    def layers(mask, rng, settings):
        drawn.append(settings)
        return synthetic_layers(mask, rng, settings)

    for module in ("synthetic_flow", "second_frame"):
        monkeypatch.setattr(f"dpa.train.data.{module}.synthetic_layers", layers)
    for changes, sure in (({}, False), ({"paste": 1.0}, True), ({"crowd": 1.0}, True)):
        drawn.clear()
        _batches(root, share=1.0, estimated=estimated, **changes)[0]
        assert len(drawn) == 12
        for s in drawn:
            assert ((s.still_object, s.least > 0) == (0, True)) == sure


def test_share_of_groups_with_bars(root: Path) -> None:
    batches = _batches(root, share=0.0, sizes=[(48, 64)], bars=0.4)
    groups = np.concatenate([batches[i].image.reshape(4, 3, -1).std(axis=2) > 0 for i in range(40)])
    assert groups.any(axis=1).mean() == pytest.approx(0.4, abs=0.12)
    # All views of a group have them, or none; a few hide behind the object.
    assert groups[groups.any(axis=1)].mean() > 0.9
    without = _batches(root, share=0.0, sizes=[(48, 64)], bars=1.0, motion=False)
    assert all((without[i].image.std(axis=(2, 3)) == 0).all() for i in range(4))


def test_a_video_shorter_than_its_views_repeats_frames(root: Path) -> None:
    assert _batches(root, views=6, share=0.0)[0].image.shape[0] == 24


def test_one_kind_of_data_is_enough_and_none_is_not(root: Path) -> None:
    given = _values()
    assert Batches(find_stills(root / "stills"), [], **given).share == 1.0
    assert Batches([], find_sequences(root / "videos"), **given).share == 0.0
    with pytest.raises(InputError, match="no training data"):
        Batches([], [], **given)


def test_what_cannot_be_read_is_named(root: Path) -> None:
    image, mask = find_stills(root / "stills")[0]
    cv2.imwrite(str(mask), np.zeros((48, 60), np.uint8))
    with pytest.raises(InputError, match=r"a\.png: mask and picture a\.png differ in size: 60x48 and 64x48"):
        read_view(image, mask)
    for path in (mask, image):
        path.write_bytes(path.read_bytes()[:20])
        with pytest.raises(InputError) as caught:
            read_view(image, mask)
        assert str(path) in str(caught.value)


@torch.inference_mode()
def test_dinov2s_features_are_those_that_the_network_computes(root: Path) -> None:
    batch = _batches(root, groups=2, views=2, sizes=[(48, 64)], dinov2=True)[0]
    assert batch.dinov2 is not None
    assert (batch.dinov2.shape, batch.dinov2.dtype) == ((4, 384, 4, 4), np.float32)
    assert batch.flow is not None
    model = build(dinov2=True)
    image, flow = (torch.from_numpy(x) / 255 for x in (batch.image, batch.flow))
    torch.testing.assert_close(model.encode(image, flow).dinov2, torch.from_numpy(batch.dinov2))
    assert _batches(root)[0].dinov2 is None


@pytest.mark.parametrize("parts", [2, 4])
def test_parts_are_the_whole_whoever_makes_them(root: Path, parts: int) -> None:
    everything = {"settings": AugmentSettings(leave=0.5), "paste": 0.5, "bars": 0.5}
    batches = _batches(root, **everything)
    for iteration in (0, 3):
        whole = batches[iteration]
        own = [_batches(root, **everything).part(iteration, p, parts) for p in range(parts)]
        for name in ("image", "flow", "mask"):
            wanted = getattr(whole, name).reshape(4, 3, *getattr(whole, name).shape[1:])
            for p, part in enumerate(own):
                found = getattr(part, name)
                assert np.array_equal(found.reshape(4 // parts, 3, *found.shape[1:]), wanted[p::parts])


def test_an_epoch_sees_every_frame_and_every_still_once(root: Path) -> None:
    batches = _batches(root, groups=4, views=1, share=0.5, motion=False)
    assert batches.epoch == 4
    seen = [int(c) for i in range(4) for c in batches[i].image[:, 0, 5, 5]]
    assert sorted(c for c in seen if c > 60) == [80, 100, 120, 140, 160, 180, 200, 220]
    assert sorted(seen.count(c) for c in (20, 40, 60)) == [2, 3, 3]
    stills = Batches(find_stills(root / "stills"), [], **_values(groups=2, views=1, motion=False))
    assert stills.epoch == 1.5
    assert sorted(int(c) for i in range(3) for c in stills[i].image[:, 0, 5, 5]) == [20, 20, 40, 40, 60, 60]


def test_extra_videos_are_drawn_anew_each_epoch(root: Path) -> None:
    one, two = find_sequences(root / "videos")
    batches = Batches([], [one], [two], **_values(groups=4, views=1, share=0.0))
    assert batches.epoch == 2
    for epoch in range(3):
        seen = [int(c) for i in range(2) for c in batches[2 * epoch + i].image[:, 0, 5, 5]]
        assert sorted(seen) == [80, 100, 120, 140, 160, 180, 200, 220]


def test_broken_pictures_are_replaced_and_named(root: Path) -> None:
    broken = root / "stills" / "RGB" / "b.png"
    broken.write_bytes(b"no picture")
    batches = _batches(root, share=1.0, motion=False, views=1)
    skipped: dict[str, str] = {}
    for i in range(6):
        batch = batches[i]
        assert batch.image.shape[0] == 4
        assert set(batch.image[:, 0, 5, 5].tolist()) <= {20, 60}
        skipped |= batch.skipped
    assert list(skipped) == [str(broken)]
    assert "cannot be read as a picture" in skipped[str(broken)]
    for path in (root / "stills" / "RGB").iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(InputError, match="cannot be read as a picture"):
        batches[0]


def test_flow_of_stills_is_estimated_in_its_share(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "dpa.train.data.batches.estimated_flow_picture", lambda image, *_: (image, np.full_like(image, 77))
    )
    drawn, mixed, all_of = (_batches(root, share=1.0, estimated=share) for share in (0.0, 0.5, 1.0))
    groups = {
        name: [(b[i].flow.reshape(4, -1) == 77).all(axis=1) for i in range(10)]  # type: ignore[union-attr]
        for name, b in (("drawn", drawn), ("mixed", mixed), ("all", all_of))
    }
    assert not np.any(groups["drawn"])
    assert np.all(groups["all"])
    assert 0.25 < np.mean(groups["mixed"]) < 0.75  # whole groups, one way or the other


def test_a_crowd_rests_in_stills_and_videos(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One to three others in each group's scene, and then motion tells which object is meant."""
    pasted: list[int] = []
    motions = []

    def paste(view: View, other: View, rng: np.random.Generator) -> View:
        pasted.append(int(other.image[0, 0, 0]))
        return View(np.minimum(view.image, 250) + 1, view.mask, view.flow)

    monkeypatch.setattr("dpa.train.data.batches.paste_resting", paste)
    monkeypatch.setattr(
        "dpa.train.data.batches.synthetic_flow_picture",
        lambda mask, rng, motion: motions.append(motion) or np.zeros((*mask.shape, 3), np.uint8),
    )
    _batches(root)[3]
    assert not pasted
    assert motions == [None] * 6
    motions.clear()
    batch = _batches(root, crowd=1.0)[3]
    assert set(pasted) <= {20, 40, 60}  # of the stills
    assert all(motion.still_object == 0 for motion in motions)
    extra = batch.image[:, 0, 5, 5].astype(int) % 20  # how many were pasted: every picture's grey is 20 n
    assert set(extra) <= {1, 2, 3}
    for group in extra.reshape(4, 3):
        assert len(set(group)) == 1


def test_pictures_are_read_ahead_when_there_is_room(root: Path) -> None:
    batches = _batches(root, cache=10**7)
    before = batches[2]
    batches.fill_cache()
    for path in root.rglob("*.png"):
        path.unlink()
    after = batches[2]
    assert np.array_equal(before.image, after.image)
    assert np.array_equal(before.mask, after.mask)
