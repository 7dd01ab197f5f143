"""Labels: the shortest names that tell components apart."""

from harness.results.labels import labels
from harness.results.leaderboard import Leaderboard


def test_labels_show_only_the_parameters_that_differ(document):
    rows = Leaderboard.validate(document).rows
    label = labels(rows)
    shown = {label("time_discretization", row.time_discretization) for row in rows}
    assert shown == {"polynomial:rho=3", "polynomial:rho=7", "exponential"}
    assert {label("target", row.target) for row in rows} == {"ring", "digits"}
    assert label("network", rows[0].network) == "mlp"


def test_one_name_of_two_distributions_is_qualified(small):
    small["rows"][0]["weighting"]["distribution"] = "stranger"
    rows = Leaderboard.validate(small).rows
    label = labels(rows)
    assert label("weighting", rows[0].weighting) == "stranger/edm"
    assert label("weighting", rows[1].weighting) == "diffusion-harness/edm"
    assert label("weighting", rows[2].weighting) == "eps"
