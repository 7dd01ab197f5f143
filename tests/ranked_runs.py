"""A small finished run, of whose rows samples are drawn and recipes taken home."""

import numpy as np

CENTRE, SCALE = np.array([40.0, -7.0]), 100.0
"""Of the rows of the table: their mean, and the deviation of a column, but for chance."""

SUITE = """
name = "taken"
targets = ["file:path=table.csv", "digits"]
weightings = ["edm", "eps"]
noise_schedules = ["edm"]
time_discretizations = ["polynomial:rho=7"]
networks = ["mlp:width=8,depth=1", "unet:channels=4,levels=2,labels=true", "exact"]
samplers = ["heun", "analytic"]
metrics = ["sliced-wasserstein"]
rank_by = "sliced-wasserstein"
steps = [4]
seeds = 2
vary_at_most = 1
training = { steps = [3], batch_size = 16 }
sampling = { samples = 60 }
"""

ORACLE = SUITE.replace('"mlp:width=8,depth=1", "unet:channels=4,levels=2,labels=true", ', "").replace(', "digits"', "")
"""The same of the exact denoiser of the table alone: nothing is trained."""


def write_table(folder):
    """Write two columns in one unit, with a correlation; return their rows."""
    draws = np.random.default_rng(0).standard_normal((60, 2))
    rows = CENTRE + SCALE * (draws @ [[1.0, 0.4], [0.0, 0.9]])
    np.savetxt(folder / "table.csv", rows, delimiter=",", header="length,width", comments="", fmt="%.17g")
    return rows


def make(folder, suite=SUITE):
    """Carry a suite out in a folder; return the result directory."""
    import harness

    write_table(folder)
    (folder / "taken.toml").write_text(suite, encoding="utf-8")
    harness.run(folder / "taken.toml", out=folder / "out", workers=1, progress=False)
    return folder / "out"
