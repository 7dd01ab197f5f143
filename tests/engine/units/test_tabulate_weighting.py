"""Tabulate weighting: over the levels of a training, for the scale of a target."""

import numpy as np
import pytest
from harness_synthetic.targets import Gaussian
from harness_wang.weightings import BellShaped, GridMatched

from harness.engine.jobs import TabulateWeightingJob
from harness.engine.levels import table_levels
from harness.engine.units.tabulate_weighting import tabulate_weighting
from harness.weighting_tables import table_from_json


def test_one_record_holds_the_table_over_the_levels():
    target = Gaussian(dim=2)
    (record,) = tabulate_weighting(TabulateWeightingJob("k", BellShaped(), target, 0.1, 5.0))
    assert (record.key, record.kind, record.ok) == ("k", "weighting table", True)
    table, levels = table_from_json(record.payload), table_levels(0.1, 5.0)
    np.testing.assert_allclose(table.sigma, levels.numpy())
    scale = target.distribution().sigma_data
    np.testing.assert_allclose(table.omega, BellShaped().omega(levels, scale).numpy(), rtol=1e-12)
    assert table.masses is None


def test_one_that_is_made_for_a_grid_keeps_its_masses():
    job = TabulateWeightingJob("k", GridMatched(), Gaussian(dim=2), 0.1, 5.0, (5.0, 1.0, 0.1))
    (record,) = tabulate_weighting(job)
    assert len(table_from_json(record.payload).masses) == 2
    with pytest.raises(ValueError, match="made for a grid"):
        tabulate_weighting(TabulateWeightingJob("k", GridMatched(), Gaussian(dim=2), 0.1, 5.0))
