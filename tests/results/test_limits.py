"""What a bound limits."""

from harness.results.limits import is_divergence, limits


def test_which_metrics_bounds_bound():
    assert [is_divergence(name) for name in ("kl", "path-kl", "kl:particles=100", "energy", "klx")] == [
        True, True, True, False, False]  # fmt: skip


def test_limits():
    assert limits("theorem-2", "kl:points=64")
    assert limits("conforti:steps=each", "path-kl")
    assert not limits("theorem-2", "w2")
    assert not limits("gao-zhu-w2", "kl")
    assert not limits("affine-gaussian-kl", "path-kl")
    assert not limits("theorem-2", "sliced-wasserstein")
