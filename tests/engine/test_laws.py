"""Laws: a target's distribution is built once in a process."""

from harness_synthetic.targets import Gaussian

from harness.engine.laws import distribution


def test_equal_targets_have_one_distribution():
    assert distribution(Gaussian(dim=3)) is distribution(Gaussian(dim=3))
    assert distribution(Gaussian(dim=2)).dim == 2
