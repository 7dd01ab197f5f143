"""A small space, as a user writes one."""

RACE = """
[race]
seeds = [2, 4]
evaluations = 12
references = [{ sampler = "heun", time_discretization = "polynomial:rho=7" }]
start = "centered"
start_below = "moment-matched"
reader = "file"

[race.default]
weighting = "edm"
preconditioning = "edm"
sampler = "heun"
time_discretization = "polynomial:rho=7"
"""

SPACE = (
    """
name = "tiny"
weightings = ["edm", "min-snr"]
networks = ["mlp:width=8,precondition=edm,v"]
noise_schedules = ["edm"]
time_discretizations = ["polynomial:rho=7", "exponential"]
samplers = ["heun", "euler"]
metrics = ["sliced-wasserstein"]
rank_by = "sliced-wasserstein"

[training]
steps = [20]

[sampling]
samples = 100
"""
    + RACE
)
