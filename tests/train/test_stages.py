"""Both stages end to end on a made data set, what stage 2 takes from stage 1, and settings that cannot be."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dpa.datasets.held_out import is_held_out
from dpa.errors import InputError, WeightsError
from dpa.model.config import named_config
from dpa.model.dpa import DPA
from dpa.train.data.augment import AugmentSettings
from dpa.train.record import check_same, make_record
from dpa.train.settings import DataSettings
from dpa.train.stages import finetune, into_both_streams, make_batches, pretrain
from dpa.train.validate import validate
from small_encoder import SMALL_ENCODER

SMALL: dict[str, Any] = {"encoder": SMALL_ENCODER, "dim": 16, "width": 16}


@pytest.fixture
def stage1(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    DPA(named_config("dpa-mobile", motion=False, ifa=False, **SMALL)).save_pretrained(tmp_path / "stage1")
    return tmp_path / "stage1"


@pytest.mark.slow
def test_both_stages_end_to_end(make_settings: Any, tmp_path: Path) -> None:
    settings = make_settings(validate_every=2, validate_stride=1)
    pretrain(settings, tmp_path / "one")
    kept = finetune(settings, tmp_path / "two", tmp_path / "one" / "best")
    for folder in (tmp_path / "one", tmp_path / "two"):
        names = {"best", "last", "checkpoint.pt", "log.csv", "validation.csv", "run.json"}
        assert {p.name for p in folder.iterdir()} - {"tensorboard"} == names
        rows = (folder / "validation.csv").read_text().splitlines()
        assert rows[0] == "iteration,J,across"
        assert [row.split(",")[0] for row in rows[1:]] == ["2", "4"]
    loaded = DPA.from_pretrained(tmp_path / "two" / "last")
    assert loaded.config.motion
    assert loaded.config.ifa
    assert not DPA.from_pretrained(tmp_path / "one" / "best").config.motion
    for name, tensor in kept.state_dict().items():
        assert torch.equal(tensor, loaded.state_dict()[name]), name


@pytest.mark.slow
def test_the_paper_s_way_one_query_and_its_references(
    make_settings: Any, stage1: Path, tmp_path: Path
) -> None:
    stage = {"iterations": 1, "groups": 2, "views": 3, "shared": False, "still_share": 0.0, "ema": 0.0}
    finetune(make_settings(finetune=stage), tmp_path / "two", stage1)
    DPA.from_pretrained(tmp_path / "two" / "best")


@pytest.mark.slow
def test_a_teacher_that_looks_at_dinov2_teaches_one_that_does_not(
    make_settings: Any, stage1: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(2)
    DPA(named_config("dpa-mobile", dinov2=True, **SMALL)).save_pretrained(tmp_path / "teacher")
    stage = {"iterations": 2, "teacher": str(tmp_path / "teacher"), "teacher_features": 1.0}
    monkeypatch.setattr("dpa.model.dpa.appearance", None)  # its features come with the batch
    finetune(make_settings(finetune=stage), tmp_path / "two", stage1)
    assert not DPA.from_pretrained(tmp_path / "two" / "last").config.dinov2
    run = json.loads((tmp_path / "two" / "run.json").read_text())
    assert run["settings"]["finetune"]["teacher"] == str(tmp_path / "teacher")


@pytest.mark.parametrize(
    ("changes", "features", "sentence"),
    [
        ({"motion": False}, 0.0, "must both have a motion stream, or none"),
        ({"ifa": False}, 0.0, "one reads references .IFA.: set shared=true"),
        (
            {"encoder": "mobilenetv2_100"},
            1.0,
            "stage 4 has 96 channels in the teacher .* set teacher_features=0",
        ),
    ],
)
def test_a_teacher_of_another_kind(
    make_settings: Any, stage1: Path, tmp_path: Path, changes: dict, features: float, sentence: str
) -> None:
    DPA(named_config("dpa-mobile", **SMALL | changes)).save_pretrained(tmp_path / "teacher")
    stage = {"teacher": str(tmp_path / "teacher"), "teacher_features": features, "shared": bool(features)}
    with pytest.raises(InputError, match=sentence):
        finetune(make_settings(finetune=stage), tmp_path / "two", stage1)
    assert not (tmp_path / "two").exists()


@pytest.mark.slow
def test_stage_two_without_motion_sees_the_videos(make_settings: Any, stage1: Path, tmp_path: Path) -> None:
    settings = make_settings(finetune={"iterations": 1}, changes=SMALL | {"motion": False})
    finetune(settings, tmp_path / "two", stage1)
    run = json.loads((tmp_path / "two" / "run.json").read_text())
    assert run["stage"] == "finetune"
    assert run["data"]["videos"]
    assert not DPA.from_pretrained(tmp_path / "two" / "last").config.motion


@pytest.mark.slow
def test_stills_alone_train_the_whole_network(
    make_settings: Any, data: Path, stage1: Path, tmp_path: Path
) -> None:
    settings = make_settings(finetune={"iterations": 1}, data=DataSettings(stills=str(data / "stills")))
    finetune(settings, tmp_path / "two", stage1)
    DPA.from_pretrained(tmp_path / "two" / "best")  # without validation, the newest


@pytest.mark.slow
def test_validation_reads_flow_where_it_is_and_makes_it_where_not(data: Path) -> None:
    from dpa.datasets.layout import find_sequences

    torch.manual_seed(0)
    model = DPA("dpa-mobile", size=64, **SMALL).eval()
    with torch.no_grad():
        model.decoder.refine[-1].predict.bias.fill_(-1e4)
    for folder in ("videos", "validation"):
        scores, pictures = validate(model, find_sequences(data / folder, masks=True))
        assert set(scores.values()) == {0.0}  # nothing found, and every frame has an object
        for picture in pictures.values():
            frame, flow, prediction, truth = np.split(picture, 4, axis=1)
            assert frame.shape == (64, 64, 3)
            assert flow.std() > 5
            assert prediction.max() == 0
            assert truth.max() == 255
            assert frame[truth[..., 0] > 0].mean() > frame[truth[..., 0] == 0].mean() + 50


def test_a_validation_video_of_one_frame_counts(data: Path, tmp_path: Path) -> None:
    from dpa.datasets.layout import Sequence, find_sequences

    whole = find_sequences(data / "validation", masks=True)[0]
    model = DPA("dpa-mobile", size=64, **SMALL).eval()
    for count in (1, 2, 3):
        cut = Sequence("cut", whole.images[:count], whole.masks[:count], whole.flows[:count])
        assert 0 <= validate(model, [cut], stride=6)[0]["cut"] <= 1


def test_both_streams_start_from_the_appearance_stream(stage1: Path) -> None:
    source = DPA.from_pretrained(stage1)
    target = DPA(named_config("dpa-mobile", **SMALL))
    fresh = into_both_streams(source, target)
    own, given = target.state_dict(), source.state_dict()
    for name in ("encoders.{}.stages.4.0.conv1.weight", "squeeze5.{}.weight", "ima4.fuse.{}.0.weight"):
        assert torch.equal(own[name.format(0)], given[name.format(0)])
        assert torch.equal(own[name.format(1)], given[name.format(0)])
    # The index of a level is no index of a stream.
    assert torch.equal(own["decoder.refine.1.predict.weight"], given["decoder.refine.1.predict.weight"])
    parts = {".".join(name.split(".")[: 2 if name.startswith(("ima", "decoder")) else 1]) for name in fresh}
    assert parts == {"ifa", "join5", "ima4.exchange", "ima5.exchange", "decoder.fuse"}


@pytest.mark.slow
def test_a_whole_network_goes_on_with_all_it_has() -> None:
    source, target = (DPA(named_config("dpa-mobile", **SMALL)) for _ in range(2))
    assert into_both_streams(source, target) == []
    for name, tensor in target.state_dict().items():
        assert torch.equal(tensor, source.state_dict()[name]), name


@pytest.mark.slow
@torch.inference_mode()
def test_with_dinov2_a_network_begins_as_what_it_was() -> None:
    plain = DPA(named_config("dpa-mobile", **SMALL)).eval()
    looking = DPA(named_config("dpa-base", **SMALL)).eval()
    assert {name.partition(".")[0] for name in into_both_streams(plain, looking)} == {"adapter"}
    image, flow = torch.rand(2, 1, 3, 64, 64)
    stages = looking.encode(image, flow, torch.rand(1, 384, 4, 4)).appearance
    for found, wanted in zip(stages, plain.encode(image, flow).appearance, strict=True):
        assert torch.equal(found, wanted)


def test_weights_of_another_network_are_refused(stage1: Path) -> None:
    with pytest.raises(WeightsError, match=r"do not fit.*not \(32,"):
        into_both_streams(DPA.from_pretrained(stage1), DPA(named_config("dpa-mobile", **SMALL | {"dim": 32})))


WRONG = {
    "views": ({"views": 1, "shared": False}, r"finetune\.views must be at least 2"),
    "sizes": ({"sizes": [[64]]}, r"finetune\.sizes must be a list of \[height, width\]"),
    "no sizes": ({"sizes": []}, r"finetune\.sizes"),
    "optimiser": ({"optimiser": "sgd"}, r"finetune\.optimiser must be one of adam, adamw, not 'sgd'"),
    "iterations": ({"iterations": 0}, r"finetune\.iterations must be at least 1"),
    "epochs": ({"epochs": -1}, r"finetune\.epochs must be 0 or more"),
    "paste": ({"paste": 2.0}, r"finetune\.paste must be in \[0, 1\]"),
    "parts": ({"accumulate": 3}, "2 groups cannot be divided evenly into 3 parts"),
    "share": ({"still_share": 1.5}, r"finetune\.still_share must be in \[0, 1\]"),
    "teacher": ({"teacher_share": 1.5}, r"finetune\.teacher_share must be in \[0, 1\]"),
    "rate": ({"lr": -1.0}, r"finetune\.lr must be above 0, not -1\.0"),
    "no rate": ({"lr": math.nan}, r"finetune\.lr must be above 0, not nan"),
    "encoder": ({"lr_encoder": -1.0}, r"finetune\.lr_encoder must be 0 or more"),
    "clip": ({"clip": math.inf}, r"finetune\.clip must be 0 or more, not inf"),
    "freeze": ({"freeze": -1}, r"finetune\.freeze must be 0 or more"),
    "features": ({"teacher_features": -1.0}, r"finetune\.teacher_features must be 0 or more"),
    "compared": (
        {"teacher_features": 1.0, "shared": False},
        r"all views of a group: set finetune\.shared=true",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_settings_that_cannot_be(make_settings: Any, stage1: Path, tmp_path: Path, case: str) -> None:
    changes, message = WRONG[case]
    with pytest.raises(InputError, match=message):
        finetune(make_settings(finetune=changes), tmp_path / "two", stage1)
    assert not (tmp_path / "two").exists()


WRONG_OF_ANY_RUN = {
    "seed": ({"seed": -1}, "seed must be 0 or more, not -1"),
    "workers": ({"workers": -1}, "workers must be 0 or more"),
    "stride": ({"validate_stride": 0}, "validate_stride must be at least 1"),
    "held out": (
        {"data": DataSettings("stills", "videos", held_out=-1)},
        r"data\.held_out must be 0 or more",
    ),
    "border": ({"augment": AugmentSettings(border=-1)}, r"augment\.border must be 0 or more"),
    "leave": ({"augment": AugmentSettings(leave=2)}, r"augment\.leave must be in \[0, 1\], not 2"),
}


@pytest.mark.parametrize("case", WRONG_OF_ANY_RUN)
def test_settings_that_no_run_can_have(make_settings: Any, stage1: Path, tmp_path: Path, case: str) -> None:
    """Found before an earlier run is replaced."""
    changes, message = WRONG_OF_ANY_RUN[case]
    (tmp_path / "checkpoint.pt").touch()
    with pytest.raises(InputError, match=message):
        pretrain(make_settings(**changes), tmp_path, overwrite=True)
    settings = make_settings(**{"data": DataSettings("stills", "videos")} | changes)
    with pytest.raises(InputError, match=message):
        finetune(settings, tmp_path, stage1, overwrite=True)
    assert (tmp_path / "checkpoint.pt").is_file()


def test_a_run_goes_on_or_is_replaced(make_settings: Any, tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").touch()
    with pytest.raises(InputError, match="--resume goes on with a run, --overwrite replaces it: give one"):
        pretrain(make_settings(), tmp_path, resume=True, overwrite=True)
    assert (tmp_path / "checkpoint.pt").is_file()


def test_missing_data(make_settings: Any, data: Path, stage1: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(InputError, match=r"set data\.stills=FOLDER"):
        pretrain(make_settings(data=DataSettings()), out)
    with pytest.raises(InputError, match=r"set data\.videos=FOLDER"):
        finetune(make_settings(data=DataSettings()), out, stage1)
    only_stills = make_settings(data=DataSettings(str(data / "stills")), finetune={"still_share": 0.0})
    with pytest.raises(InputError, match=r"set data\.videos=FOLDER"):
        finetune(only_stills, out, stage1)
    with pytest.raises(InputError, match="--stage1"):
        finetune(make_settings(), out, None)
    with pytest.raises(InputError, match="no such folder"):
        pretrain(make_settings(data=DataSettings(str(data / "nowhere"))), out)
    with pytest.raises(InputError, match="flow picture"):
        finetune(make_settings(data=DataSettings(None, str(data / "validation"))), out, stage1)
    with pytest.raises(WeightsError, match=r"none\.safetensors"):
        pretrain(make_settings(encoder_weights="none.safetensors"), out)
    assert not out.exists()


@pytest.mark.slow
def test_epochs_are_the_length_of_a_run(make_settings: Any, stage1: Path, tmp_path: Path) -> None:
    # Ten frames of the videos, two groups an iteration.
    finetune(make_settings(finetune={"epochs": 1, "still_share": 0.0}), tmp_path / "two", stage1)
    assert (tmp_path / "two" / "log.csv").read_text().splitlines()[-1].startswith("5,")
    assert json.loads((tmp_path / "two" / "run.json").read_text())["iterations"] == 5


@pytest.mark.slow
def test_what_the_weights_were_made_of_lies_beside_them(make_settings: Any, tmp_path: Path) -> None:
    pretrain(make_settings(seed=5, pretrain={"iterations": 1}), tmp_path / "one")
    record = json.loads((tmp_path / "one" / "last" / "run.json").read_text())
    assert (tmp_path / "one" / "run.json").read_text() == (tmp_path / "one" / "best" / "run.json").read_text()
    assert record["stage"] == "pretrain"
    assert record["settings"]["seed"] == 5
    assert record["settings"]["pretrain"]["groups"] == 3
    assert record["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert record["data"]["stills"]["files"] == 8
    assert len(record["data"]["stills"]["sha256_of_names_and_sizes"]) == 64
    assert set(record["data"]) == {"stills", "validation"}
    for name in ("last", "best"):
        lines = (tmp_path / "one" / name / "files.txt").read_text().splitlines()
        assert lines == [f"stills/RGB/still_{i}.png" for i in range(4)]


@pytest.mark.slow
def test_a_run_is_not_replaced_unasked(make_settings: Any, tmp_path: Path) -> None:
    settings = make_settings(pretrain={"iterations": 1})
    pretrain(settings, tmp_path / "one")
    before = (tmp_path / "one" / "checkpoint.pt").read_bytes()
    (tmp_path / "one" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="holds a run already"):
        pretrain(make_settings(seed=9, pretrain={"iterations": 1}), tmp_path / "one")
    assert (tmp_path / "one" / "checkpoint.pt").read_bytes() == before
    pretrain(make_settings(seed=9, pretrain={"iterations": 1}), tmp_path / "one", overwrite=True)
    assert (tmp_path / "one" / "checkpoint.pt").read_bytes() != before
    assert (tmp_path / "one" / "notes.txt").read_text() == "mine"
    assert len((tmp_path / "one" / "log.csv").read_text().splitlines()) == 2


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bf16", "32"])
def test_precision(make_settings: Any, stage1: Path, tmp_path: Path, precision: str) -> None:
    settings = make_settings(precision=precision, finetune={"iterations": 2})
    kept = finetune(settings, tmp_path / "two", stage1)
    assert all(p.dtype == torch.float32 for p in kept.parameters())
    with pytest.raises(InputError, match=r"precision must be one of 32, bf16, 16, not '8'"):
        finetune(make_settings(precision="8"), tmp_path / "three", stage1)


@pytest.mark.slow
def test_stills_held_out_are_not_trained_on(
    make_settings: Any, stage1: Path, data: Path, tmp_path: Path
) -> None:
    names = {path.stem for path in (data / "stills" / "RGB").iterdir()}
    every = next(n for n in range(2, 100) if 0 < sum(is_held_out(name, n) for name in names) < len(names))
    settings = make_settings(finetune={"iterations": 1})
    settings.data.held_out = every
    kept = {name for name in names if not is_held_out(name, every)}
    for videos in (False, True):
        stage = settings.finetune if videos else settings.pretrain
        batches = make_batches(settings, stage, videos=videos, motion=videos)
        assert {image.stem for image, _ in batches.stills} == kept
        assert len(batches.still_flows) == len(kept)
    finetune(settings, tmp_path / "two", stage1)
    listed = (tmp_path / "two" / "last" / "files.txt").read_text().splitlines()
    assert {Path(line).stem for line in listed if line.startswith("stills/")} == kept
    settings.data.held_out = 1
    with pytest.raises(InputError, match=r"data\.held_out=1 leaves no still of"):
        make_batches(settings, settings.pretrain, videos=False, motion=False)


def test_a_run_from_before_a_setting_goes_on(make_settings: Any, tmp_path: Path) -> None:
    record = make_record(make_settings(), "pretrain", 4, {}, "cpu")
    before = json.loads(json.dumps(record))
    del before["settings"]["data"]["held_out"]
    (tmp_path / "run.json").write_text(json.dumps(before))
    check_same(tmp_path, record)
    record["settings"]["data"]["held_out"] = 20
    with pytest.raises(InputError, match=r"data\.held_out differ"):
        check_same(tmp_path, record)
