"""The importer of the authors' checkpoints, on one made in their names and shapes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from model_samples import pair
from release_samples import checkpoint, in_our_names, release_rows
from slow_dpa import SlowDPA, vgg_stages

from dpa.errors import WeightsError
from dpa.export.release import import_release, release_config, release_name
from dpa.model.dpa import DPA

pytestmark = pytest.mark.slow

SEEN: dict[Any, np.ndarray] = {}
MEAN, STD = (np.array(v)[:, None, None] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))


@pytest.fixture(scope="module")
def tensors() -> dict[str, torch.Tensor]:
    return checkpoint()


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    """The same in our names."""
    return in_our_names()


@pytest.fixture(scope="module")
def file(tensors: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As their training writes it, through DataParallel."""
    path = tmp_path_factory.mktemp("release") / "best_model.pth"
    torch.save({"epoch": 3, "model_state_dict": {f"module.{k}": v for k, v in tensors.items()}}, path)
    return path


def test_every_tensor_has_its_place() -> None:
    rows = list(release_rows())
    assert len(rows) == 588
    assert sum(not ours for _, _, ours in rows) == 36
    with torch.device("meta"):
        state = DPA(release_config()).state_dict()
    assert {ours for _, _, ours in rows if ours} == state.keys()
    for theirs, _, ours in rows:
        if ours:
            assert release_name(ours) == theirs


@pytest.mark.parametrize("release_way", [False, True])
@torch.inference_mode()
def test_prediction_is_the_slow_networks(
    file: Path, weights: dict[str, np.ndarray], release_way: bool
) -> None:
    model = import_release(file, release_way=release_way)
    assert model.config.ima != release_way
    model.mean, model.std = torch.from_numpy(MEAN), torch.from_numpy(STD)
    model.double()
    frames, rest = ([x.double() for x in pair(n, 64, 64, seed)] for n, seed in ((1, 0), (2, 9)))
    slow = SlowDPA(weights, [vgg_stages(weights, s, SEEN) for s in (0, 1)], release_way=release_way)
    query, others = ([(x.numpy() - MEAN) / STD, f.numpy()] for x, f in (frames, rest))
    references = [
        [tuple(np.concatenate(p) for p in slow.reference(slow.plain(x, s)[-1], s))]
        for s, x in enumerate(others)
    ]
    expected = slow.segment(query, references)
    for found, wanted in zip(model(*frames, *(x[None] for x in rest)), expected, strict=True):
        assert np.std(wanted) > 1e-3  # alive
        np.testing.assert_allclose(found.numpy(), wanted, rtol=0, atol=1e-9)


def test_with_and_without_the_wrappings(file: Path, tensors: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(tensors, tmp_path / "bare.pth")
    bare = import_release(tmp_path / "bare.pth").state_dict()
    for name, tensor in import_release(file).state_dict().items():
        assert torch.equal(tensor, bare[name]), name
    assert int(bare["decoder.merge5.out.1.num_batches_tracked"]) == 7


def test_the_first_tensor_that_does_not_fit_is_named(
    tensors: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "wrong.pth"
    for changed, sentence in (
        ({k: v for k, v in tensors.items() if k != "rgb_TAM.V.bias"}, "rgb_TAM.V.bias is missing"),
        (
            tensors | {"flow_sq4.0.weight": torch.zeros(64, 512, 1, 1)},
            r"flow_sq4.0.weight is \(64, 512, 1, 1\)",
        ),
        (tensors | {"rgb_encoder.fc.weight": torch.zeros(3)}, "has no rgb_encoder.fc.weight"),
    ):
        torch.save(changed, path)
        with pytest.raises(WeightsError, match=rf"{path}: not the release's network of stage 2.*{sentence}"):
            import_release(path)


def test_files_that_are_no_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "wrong.pth"
    with pytest.raises(WeightsError, match="no such file"):
        import_release(path)
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(WeightsError, match=f"{path}: not a checkpoint"):
        import_release(path)
    torch.save({"model_state_dict": [1, 2]}, path)
    with pytest.raises(WeightsError, match="holds no state dict"):
        import_release(path)


def test_command_line(command, file: Path, tmp_path: Path) -> None:
    words = ("export", "weights", "--from-release", file, "--full", "-o", tmp_path / "ours")
    code, out, err = command(*words, "--release-way")
    assert (code, err) == (0, "")
    assert "--preset release" in out
    found = DPA.from_pretrained(tmp_path / "ours")
    assert found.config == release_config(release_way=True)
    wanted = import_release(file, release_way=True).state_dict()
    assert all(torch.equal(t, wanted[name]) for name, t in found.state_dict().items())
    assert command(*words)[0] == 1, "it exists already"
    for extra, sentence in (
        (("runs/last",), "runs/last: with --from-release there are no other weights"),
        (("--share", 1), "--share is for a mean of weights"),
    ):
        code, _, err = command(*words, "--overwrite", *extra)
        assert code == 1
        assert sentence in err
    code, _, err = command("export", "weights", "runs/last", "--release-way", "-o", tmp_path / "no")
    assert code == 1
    assert "--release-way belongs to --from-release" in err
    code, _, err = command("export", "weights", "-o", tmp_path / "no")
    assert code == 1
    assert "no weights" in err
