"""Loss curves: J_θ of a Gaussian in closed form, files read, and every fault of one told with its line."""

import numpy as np
import pytest

from harness.budget import budget
from harness.information import Information, NoScoreError, ScoreError
from harness.loss_curve import LossCurve, LossCurveError, grid_divergence

SIGMA = np.geomspace(0.05, 20, 121)
DIM, WIDTH2, ERROR = 3, 0.49, 0.2
GRIDS = [np.geomspace(20, 0.05, 13), np.linspace(20 ** (1 / 3), 0.05 ** (1 / 3), 13) ** 3]


class Normal(Information):
    """N(0, c²I)."""

    dim, second_moment, replicates = DIM, DIM * WIDTH2, 1

    def fisher(self, u):
        return (DIM / (u + WIDTH2))[None]

    def fisher_integral(self, u):
        return DIM * np.log((u[:-1] + WIDTH2) / (u[1:] + WIDTH2))[None]

    def initialization(self, u):
        return np.zeros(1)


class Wrong(ScoreError):
    """σ²e(σ) = u/(u + 1) / 5."""

    replicates = 1

    def __call__(self, sigma):
        return (ERROR / (sigma**2 + 1))[None]


def curve(sigma=SIGMA):
    u = sigma**2
    return LossCurve(DIM, sigma, DIM * WIDTH2 * u / (WIDTH2 + u) + u**2 * ERROR / (u + 1))


def test_it_is_the_information_less_the_score_error():
    u = np.geomspace(0.051, 19.9, 50) ** 2
    expected = DIM / (u + WIDTH2) - ERROR / (u + 1)
    np.testing.assert_allclose(curve().information().fisher(u)[0] * u, expected * u, atol=1e-6)
    down = u[::-1]
    area = DIM * np.log((down[:-1] + WIDTH2) / (down[1:] + WIDTH2)) - ERROR * np.log((down[:-1] + 1) / (down[1:] + 1))
    np.testing.assert_allclose(curve().information().fisher_integral(down)[0], area, atol=1e-6)


@pytest.mark.parametrize("factor", [1.0, 0.6])
def test_differences_are_those_of_the_budget(factor):
    """Of another curve, J − e, than the two that the budget reads; for any variances."""
    totals, ours = [], []
    for levels in GRIDS:
        variances = factor * (levels[:-1] ** 2 - levels[1:] ** 2)
        totals.append(budget(levels, variances, Normal(), Wrong()).total[0])
        ours.append(grid_divergence(levels, variances, curve().information())[0])
    assert ours[1] - ours[0] == pytest.approx(totals[1] - totals[0], abs=1e-6)
    # Their constants differ: by half of the integral of the score error.
    assert totals[0] - ours[0] == pytest.approx(0.5 * ERROR * np.log(401 / 1.0025), abs=1e-6)


def test_what_each_loss_does_adds_up():
    rng = np.random.default_rng(0)
    by, levels = rng.standard_normal(len(SIGMA)) * 0.01, GRIDS[0]
    variances = levels[:-1] ** 2 - levels[1:] ** 2
    replicates = grid_divergence(levels, variances, curve().raised(by))
    together = LossCurve(DIM, SIGMA, curve().loss + by)
    whole = grid_divergence(levels, variances, together.information())[0]
    assert whole - replicates[0] == pytest.approx((replicates[1:] - replicates[0]).sum(), rel=1e-9)


def test_neighbours_tell_a_smooth_loss_and_miss_a_bent_one():
    smooth = curve()
    assert np.abs(smooth.misses() / smooth.loss).max() < 1e-4
    bent = smooth.loss.copy()
    bent[60] *= 1.1
    missed = LossCurve(DIM, SIGMA, bent).misses()
    assert missed[60] == pytest.approx(0.1 * smooth.loss[60], rel=1e-3)
    np.testing.assert_allclose(missed[[0, -1]], 0, atol=1e-9)


def test_where_sampling_starts_is_not_told():
    with pytest.raises(LossCurveError, match="E_I"):
        budget(GRIDS[0], GRIDS[0][:-1] ** 2 - GRIDS[0][1:] ** 2, curve().information(), NoScoreError())


def write(tmp_path, text):
    path = tmp_path / "curve.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read(tmp_path):
    rows = "".join(f"{i},{2 * s},{s},0.1,x\n" for i, s in enumerate([3.0, 1.0, 0.5, 2.0, 4.0]))
    path = write(tmp_path, "\ufeffepoch, Loss ,sigma,error,note\r\n" + rows + "\n")
    found = LossCurve.read(path, 7)
    assert (found.dim, found.sigma.tolist(), found.loss.tolist()) == (7, [0.5, 1, 2, 3, 4], [1, 2, 4, 6, 8])
    assert found.error.tolist() == [0.1] * 5
    each = LossCurve.read(path, 7, per_coordinate=True)
    np.testing.assert_allclose(each.loss, 7 * found.loss)
    np.testing.assert_allclose(each.error, 7 * found.error)


HEAD = "sigma,loss\n0.1,0.1\n0.2,0.2\n\n0.3,0.3\n0.4,0.4\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "0.5,\n", "line 7: loss '' is no number"),
        (HEAD + "0.5\n", "line 7: loss '' is no number"),
        (HEAD + "0.5,many\n", "line 7: loss 'many' is no number"),
        (HEAD + "0,0.5\n", "line 7: sigma 0 must be finite and positive"),
        (HEAD + "-1,0.5\n", "line 7: sigma -1 must be finite and positive"),
        (HEAD + "0.5,-1\n", "line 7: loss -1 must be finite and at least 0"),
        (HEAD + "0.5,nan\n", "line 7: loss nan must be finite"),
        (HEAD + "inf,1\n", "line 7: sigma inf must be finite"),
        (HEAD + "0.2,1\n", "line 7: sigma 0.2 stands twice"),
        (HEAD + "0.20000000000000004,1\n", "at sigma 0.2 are the same but for rounding"),
        (HEAD, "a loss curve of 4 levels is too coarse; give at least 5"),
        ("sigma,loss\n", "a loss curve of 0 levels"),
        ("", "line 1: names no column 'sigma'; write sigma,loss above the numbers"),
        ("sigma,lose\n", "line 1: names no column 'loss'; did you mean lose?"),
        ("0.1,0.2\n", "line 1: names no column 'sigma'; known: 0.1, 0.2"),
        ("sigma,loss,loss\n", "line 1: names column 'loss' twice"),
        ("sigma,loss\n\x00,1\n", "line 2: sigma"),
    ],
)
def test_faults_are_told_with_file_and_line(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(LossCurveError) as told:
        LossCurve.read(path, 2)
    assert str(told.value).startswith(str(path))
    assert message in str(told.value)
    assert "\n" not in str(told.value)


def test_what_cannot_be_opened_is_told(tmp_path):
    with pytest.raises(LossCurveError, match="cannot be read"):
        LossCurve.read(tmp_path / "none.csv", 2)
    (tmp_path / "bytes.csv").write_bytes(b"sigma,loss\n\xff\xfe\n")
    with pytest.raises(LossCurveError, match="UTF-8"):
        LossCurve.read(tmp_path / "bytes.csv", 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, SIGMA, SIGMA), "no dimension"),
        ((2, SIGMA[:4], SIGMA[:4]), "too coarse"),
        ((2, SIGMA[::-1], SIGMA), "increasing"),
        ((2, SIGMA, SIGMA[1:]), "one loss ≥ 0 for each of its 121 levels"),
        ((2, SIGMA, SIGMA, -SIGMA), "one error ≥ 0"),
        ((2, SIGMA, SIGMA * np.inf), "each loss below"),
        ((2, SIGMA, SIGMA, SIGMA * 1e105), "each error below"),
        ((2, SIGMA * 1e-120, SIGMA), "between 1e-100 and 1e"),
        ((2, SIGMA - 0.05, SIGMA), "between"),
        ((2, SIGMA * np.nan, SIGMA), "increasing"),
    ],
)
def test_arrays_are_checked(arguments, message):
    with pytest.raises(LossCurveError, match=message):
        LossCurve(*arguments)
