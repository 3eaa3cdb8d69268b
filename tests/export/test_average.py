"""The mean of networks, and `dpa export weights`."""

from pathlib import Path
from typing import Any

import pytest
import torch
from graph_samples import small

from dpa.errors import InputError, WeightsError
from dpa.export.mean import average
from dpa.model.dpa import DPA


def seeded(seed: int, **changes: Any) -> DPA:
    torch.manual_seed(seed)
    return small(**changes)


def test_mean_by_shares() -> None:
    a, b = seeded(1), seeded(2)
    mean = average([a, b], [1, 3])
    states = [model.state_dict() for model in (a, b, mean)]
    for name, tensor in states[2].items():
        expected = states[0][name] / 4 + states[1][name] * 0.75
        torch.testing.assert_close(tensor, expected.to(tensor.dtype))
    assert mean.config == a.config
    assert not mean.training


def test_of_one_or_of_the_same_is_itself() -> None:
    a = seeded(1)
    own = a.state_dict()
    for mean in (average([a]), average([a, a, a], [0.2, 0.2, 7])):
        for name, tensor in mean.state_dict().items():
            torch.testing.assert_close(tensor, own[name])


def test_what_only_some_have_is_the_mean_of_theirs() -> None:
    plain, first, second = seeded(1), seeded(2, dinov2=True), seeded(3, dinov2=True)
    with torch.no_grad():
        first.adapter[2].bias.fill_(1)
        second.adapter[2].bias.fill_(3)
    for order in ((plain, first, second), (second, plain, first)):
        mean = average(order, [{plain: 2, first: 1, second: 1}[model] for model in order])
        assert mean.config == first.config
        assert mean.adapter[2].bias.tolist() == [2.0] * len(mean.adapter[2].bias)
        weight = "squeeze4.0.weight"
        own = [model.state_dict()[weight] for model in (plain, first, second, mean)]
        torch.testing.assert_close(own[3], own[0] / 2 + own[1] / 4 + own[2] / 4)


def test_what_cannot_be_averaged() -> None:
    a = seeded(1)
    with pytest.raises(InputError, match="no weights"):
        average([])
    with pytest.raises(InputError, match="2 weights and 1 shares"):
        average([a, a], [1])
    with pytest.raises(InputError, match="above 0, not 1, -1"):
        average([a, a], [1, -1])
    with pytest.raises(WeightsError, match="different networks"):
        average([a, seeded(1, ifa=False)])


@pytest.mark.slow
def test_command_line(command, tmp_path: Path) -> None:
    for seed in (1, 2):
        seeded(seed).save_pretrained(tmp_path / str(seed))
    words = ("export", "weights", tmp_path / "1", tmp_path / "2", "-o", tmp_path / "mean")
    code, out, err = command(*words, "--share", 0.35, "--share", 0.65)
    assert (code, err) == (0, "")
    assert "model.safetensors" in out
    found = DPA.from_pretrained(tmp_path / "mean").state_dict()
    wanted = average([seeded(1), seeded(2)], [0.35, 0.65]).state_dict()
    for name, tensor in found.items():
        torch.testing.assert_close(tensor, wanted[name], atol=1e-3, rtol=1e-3)
    assert command(*words)[0] == 1, "it exists already"
    assert command(*words, "--overwrite")[0] == 0
    code, out, err = command("export", "weights", tmp_path / "1", "--share", -1, "-o", tmp_path / "no")
    assert (code, out, len(err.splitlines())) == (1, "", 1)
    assert not (tmp_path / "no").exists()
