"""Made-up outcomes, and the leaderboard that they give."""

import json

from harness.metrics import Measurement
from harness.quantities import DIVERGENCES, Declarations, Limited, Measured
from harness.registry.references import Reference
from harness.results.leaderboard import Leaderboard, Terms
from harness.results.outcomes import Outcome
from harness.results.ranking import leaderboard


def component(name, **params):
    digest = f"{name}-{json.dumps(params, sort_keys=True)}"
    return Reference(name=name, params=params, distribution="diffusion-harness", version="0.1.0", digest=digest)


def outcome(
    values=(1.0, 1.1, 0.9), *, metric="energy", status="ok", steps=10, train_steps=100, networks=None, **changes
):
    """One combination; a component is given as axis=name or axis=(name, params).

    Its networks are those of all combinations with the same training, unless they are given.
    """
    chosen = {
        "target": "ring",
        "weighting": "edm",
        "noise_schedule": "edm",
        "time_discretization": "exponential",
        "network": "mlp",
        "sampler": "euler",
        "initial_law": "centered",
    }
    rest = {"measurements": {}, "budget": None, "bounds": {}}
    for key, value in changes.items():
        (chosen if key in chosen else rest)[key] = value
    components = {axis: component(c) if isinstance(c, str) else component(c[0], **c[1]) for axis, c in chosen.items()}
    measured = [None if v is None else Measurement(v, 0.01) for v in values]
    return Outcome(
        components=components,
        steps=steps,
        nfe=steps,
        train_steps=train_steps,
        networks=_networks(chosen, train_steps, len(values)) if networks is None else networks,
        sigma_max=20.0,
        compute=None,
        training_share=None,
        seeds=tuple(range(len(values))),
        reason=None if status == "ok" else "seed 0: NaN",
        measurements={metric: measured, **rest["measurements"]},
        budget=rest["budget"] and Terms(**rest["budget"]),
        bounds=rest["bounds"],
        seconds={"sample": 1.0},
    )


def _networks(chosen, train_steps, seeds):
    """The keys of the trained networks; none of an oracle, which has no training steps."""
    made = f"{chosen['weighting']} {chosen['network']} {train_steps}"
    return tuple(f"{made} {seed}" for seed in range(seeds)) if train_steps else ()


PATHS = Limited(limits=list(DIVERGENCES))
DECLARED = Declarations(
    metrics={"kl": Measured(quantity="marginal-kl"), "path-kl": Measured(quantity="path-kl")},
    bounds={"budget": PATHS.model_copy(update={"equals": "path-kl"}), "theorem-2": PATHS},
)


def board(outcomes, metric="energy", calibration=(), declared=DECLARED, looks=1):
    """The leaderboard as plain data, after a round through its text."""
    beside = {"environment": {"python": "3"}, "calibration": calibration, "declared": declared, "looks": looks}
    made = leaderboard(outcomes, suite="test", rank_by=[metric] if isinstance(metric, str) else metric, **beside)
    assert Leaderboard.validate(json.loads(made.to_json())) == made
    return made.model_dump()
