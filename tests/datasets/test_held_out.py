"""The rule by which stills are held out of training."""

from dpa.datasets.held_out import is_held_out

NAMES = [f"ILSVRC2012_test_{i:08d}" for i in range(4000)]


def test_every_nth_or_none() -> None:
    assert not any(is_held_out(name, 0) for name in NAMES)
    assert all(is_held_out(name, 1) for name in NAMES)
    held = [name for name in NAMES if is_held_out(name, 20)]
    assert 150 < len(held) < 250


def test_the_rule_is_fixed() -> None:
    # sha256("bear") begins with bc98bb50e8094b2a.
    value = int("bc98bb50e8094b2a", 16)
    divisor = next(n for n in range(2, 1000) if value % n == 0)
    assert is_held_out("bear", divisor)
    assert not is_held_out("bear", next(n for n in range(2, 1000) if value % n))
