"""The decoder: shapes of its levels, the gate, one stream for two."""

import torch
from model_samples import fill
from torch import Tensor, nn

from dpa.model.decoder import ASPP, Decoder, Level6, Refinement, ResidualBlock, resize

CHANNELS = (4, 5, 6, 7, 8)


def made(module: nn.Module) -> nn.Module:
    fill(module)
    return module.eval()


def features(seed: int = 0) -> list[Tensor]:
    torch.manual_seed(seed)
    return [torch.randn(2, c, 64 // 2**i, 96 // 2**i) for i, c in enumerate(CHANNELS)]


def test_predictions_at_level_4_and_at_each_finer_stage() -> None:
    decoder = made(Decoder(CHANNELS, 2, 8, 6, 4))
    a, m = features(), features(1)
    found = [tuple(p.shape) for p in decoder(a[:3], [a[3], m[3]], [a[4], m[4]])]
    assert found == [(2, 1, 8, 12), (2, 1, 16, 24), (2, 1, 32, 48), (2, 1, 64, 96)]


class First(nn.Module):
    """In place of a fusion: the first stream's tensor."""

    def forward(self, both: Tensor) -> Tensor:
        return both[:, : both.shape[1] // 2]


def test_one_stream_is_taken_as_it_is() -> None:
    one, two = made(Decoder(CHANNELS, 1, 8, 6, 4)), made(Decoder(CHANNELS, 2, 8, 6, 4))
    assert not any(name.startswith("fuse.") for name in one.state_dict())
    two.load_state_dict(one.state_dict(), strict=False)
    two.fuse = nn.ModuleList([First(), First(), First()])
    a, m = features(), features(1)
    for x, y in zip(one(a[:3], [a[3]], [a[4]]), two(a[:3], [a[3], m[3]], [a[4], m[4]]), strict=True):
        torch.testing.assert_close(x, y)


def test_refinement_is_gated_by_the_level_4_prediction() -> None:
    step = made(Refinement(5, 6, 4))
    f, below = torch.randn(1, 5, 8, 8), torch.randn(1, 4, 4, 4)
    shut = torch.zeros(1, 1, 4, 4)
    closed = [step(x, below, shut)[1] for x in (f, 2 * f)]
    assert torch.equal(*closed)  # where the gate is shut the stage says nothing
    opened = [step(x, below, shut + 1)[1] for x in (f, 2 * f)]
    assert not torch.allclose(*opened)


def test_level_6_halves_and_keeps_a_single_position() -> None:
    level = made(Level6(8, 4))
    for size, wanted in (((6, 8), (3, 4)), ((5, 7), (3, 4)), ((1, 1), (1, 1)), ((1, 9), (1, 5))):
        assert level(torch.randn(1, 8, *size)).shape[-2:] == wanted


def test_aspp_has_dilations_6_12_18_and_image_pooling() -> None:
    aspp = made(ASPP(4))
    assert [type(layer) for layer in aspp.pool] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
    for norm in (aspp.pool[1], aspp.project[1]):  # above zero, where ReLU passes changes on
        nn.init.constant_(norm.bias, 5.0)
    assert [branch[0].dilation[0] for branch in aspp.branches] == [1, 6, 12, 18]
    assert [branch[0].kernel_size[0] for branch in aspp.branches] == [1, 3, 3, 3]
    x = torch.randn(1, 4, 40, 40)
    far = x.clone()
    far[..., -1, -1] += 100
    # 39 positions away no kernel reaches: only image pooling carries the change.
    assert not torch.allclose(aspp(x)[..., 0, 0], aspp(far)[..., 0, 0])


def test_the_residual_block_as_method_has_it() -> None:
    block = made(ResidualBlock(4, 3))
    x = torch.randn(2, 4, 5, 6)
    wanted = block.out(torch.relu(x + block.body[1](block.body[0](x))))
    torch.testing.assert_close(block(x), wanted)


def test_resizing_aligns_corners() -> None:
    ramp = torch.arange(4.0).view(1, 1, 1, 4)
    torch.testing.assert_close(resize(ramp, (1, 7)).flatten(), torch.arange(0, 3.5, 0.5))
    assert resize(ramp, (1, 4)) is ramp
