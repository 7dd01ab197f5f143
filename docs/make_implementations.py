"""Write the tables of docs/implementations.md: what is measured of other libraries' samplers, and of their levels.

python docs/make_implementations.py, where diffusers and azula are installed; some minutes.
"""

from __future__ import annotations

import importlib
import re
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from harness_azula.library import AZULA
from harness_diffusers.schedulers import DIFFUSERS
from make_samplers import COLUMNS, row

from harness.certification import certify_all
from harness.errors import HarnessError
from harness.registry.discovery import load
from harness.registry.registry import Registry
from harness.results.leaderboard import Leaderboard
from harness.samplers import Sampler

PAGE = Path(__file__).with_name("implementations.md")

ALSO = (
    "diffusers-ddim:eta=1",
    "diffusers-ddpm:variance=fixed_large",
    "diffusers-ddpm:variance=fixed_large_log",
    "diffusers-deis:order=3",
    "diffusers-dpm-multistep:order=3",
    "diffusers-dpm-multistep:algorithm=dpmsolver",
    "diffusers-dpm-multistep:order=3,algorithm=dpmsolver",
    "diffusers-dpm-multistep:algorithm=sde-dpmsolver",
    "diffusers-dpm-multistep:order=3,algorithm=sde-dpmsolver",
    "diffusers-dpm-multistep:algorithm=sde-dpmsolver++",
    "diffusers-dpm-multistep:order=3,algorithm=sde-dpmsolver++",
    "diffusers-dpm-singlestep:order=3",
    "diffusers-dpm-singlestep:order=3,form=heun",
    "diffusers-dpm-singlestep:algorithm=sde-dpmsolver++",
    "diffusers-dpm-singlestep:order=3,algorithm=sde-dpmsolver++",
    "diffusers-edm-dpm-multistep:order=3",
    "diffusers-edm-dpm-multistep:algorithm=sde-dpmsolver++",
    "diffusers-edm-dpm-multistep:order=3,algorithm=sde-dpmsolver++",
    "diffusers-lms:order=2",
    "diffusers-pndm:prediction=v_prediction",
    "diffusers-unipc:lower_order_final=false",
    "diffusers-unipc:order=3",
    "diffusers-unipc:order=3,lower_order_final=false",
    "azula-ddim:eta=1",
    "azula-reab:order=1",
    "azula-reab:order=3",
    "azula-vab:order=3",
    "azula-xeab:order=3",
    "azula-zab:order=4",
    "azula-zeab:order=3",
)
"""Forms that are in the table besides the defaults."""

SINGLE = (
    "dpmsolver_multistep",
    "edm_euler",
    "euler_ancestral_discrete",
    "euler_discrete",
    "flow_match_euler_discrete",
    "flow_match_heun_discrete",
)
"""Modules whose schedulers turn points into single precision."""

STEPS = 20
"""Steps of the tables of levels."""

BOARD = PAGE.parents[1] / "leaderboards" / "implementations" / "leaderboard.json"
SUITE = PAGE.parents[1] / "leaderboards" / "implementations.toml"
RANKED_STEPS = 24
"""What is ranked side by side, and its number of steps that the page shows."""

STABLE = {"num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
"""The noise schedule of Stable Diffusion, by which the library's documentation configures schedulers."""

TABULATED = (
    "EulerDiscreteScheduler",
    "HeunDiscreteScheduler",
    "LMSDiscreteScheduler",
    "KDPM2DiscreteScheduler",
    "DPMSolverMultistepScheduler",
    "DPMSolverSinglestepScheduler",
    "UniPCMultistepScheduler",
    "DEISMultistepScheduler",
)


class _Double(ModuleType):
    """Torch, but that single precision is double precision."""

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, "float64" if name == "float32" else name)


@contextmanager
def in_double_precision() -> Iterator[None]:
    """Keep the library's schedulers from turning points into single precision, whose rounding hides an order."""
    modules: list[Any] = [importlib.import_module(f"diffusers.schedulers.scheduling_{name}") for name in SINGLE]
    for module in modules:
        module.torch = _Double("torch")
    try:
        yield
    finally:
        for module in modules:
            module.torch = torch


def certificates(registry: Registry) -> str:
    """Return the table of what the certificates of those that run a library say does not hold, with their defaults."""
    own = [name for name, cls in registry.classes("sampler").items() if cls.library is not None]
    made = certify_all([f"sampler/{name}" for name in own], registry=registry).certificates
    found: dict[tuple[str, str], list[Any]] = {}
    for each in made:
        for p in each.properties:
            found.setdefault((each.component, p.name.partition(",")[0]), []).append(p)
    rows = []
    for (name, kind), properties in found.items():
        broken = [p for p in properties if p.verdict == "fail"]
        if broken:
            values = ", ".join(f"{p.measured:.4g}" for p in broken)
            rows.append([f"`{name}`", kind, f"{len(broken)} of {len(properties)}", f"{broken[0].claimed:g}", values])
    return _table([["sampler", "property", "fails", "claimed", "measured"], *rows])


def orders(registry: Registry) -> str:
    """Return the table of orders, measured in double precision."""
    own = [name for name, cls in registry.classes("sampler").items() if cls.library is not None]
    with in_double_precision():
        rows = [_row(registry.parse("sampler", form)[0]) for form in sorted([*own, *ALSO])]
    return _table([COLUMNS, *rows])


def _row(sampler: Sampler) -> list[str]:
    """Return the cells of one sampler, or why it has none."""
    try:
        return row(sampler)
    except (UnboundLocalError, HarnessError) as error:
        return [f"`{sampler.label()}`", str(sampler.evaluations(10)), "", f"{type(error).__name__}", "", "", ""]


def levels() -> str:
    """Return the table of levels that a network is told beside those that are stepped from, of `use_karras_sigmas`."""
    head = ("scheduler", "largest σ told over σ used", "smallest", "first σ", "last σ before 0")
    return _table([head, *(_levels(name) for name in TABULATED)])


def _levels(name: str) -> list[str]:
    cls = getattr(DIFFUSERS.module("diffusers"), name)
    scheduler = cls(**STABLE, use_karras_sigmas=True)
    scheduler.set_timesteps(STEPS)
    known = ((1 - scheduler.alphas_cumprod) / scheduler.alphas_cumprod).sqrt().double().numpy()
    times = scheduler.timesteps.double().numpy()
    told = np.exp(np.interp(times, np.arange(len(known)), np.log(known)))
    used = scheduler.sigmas.double().numpy()[: len(times)]
    if "KDPM2" in name:  # every second evaluation is in the middle of a step
        used = np.where(np.arange(len(times)) % 2, scheduler.sigmas_interpol.double().numpy()[: len(times)], used)
    ratio = told / used
    positive = used[used > 0]
    return [f"`{name}`", f"{ratio.max():.4f}", f"{ratio.min():.4f}", f"{positive.max():.4f}", f"{positive.min():.4f}"]


def starts() -> str:
    """Return the table of the level that a sampler starts from, by each spacing of times."""
    head = ("scheduler", "default spacing", "leading", "linspace", "trailing")
    names = ("DDIMScheduler", "DDPMScheduler", "PNDMScheduler", "EulerDiscreteScheduler", "DPMSolverMultistepScheduler")
    return _table([head, *(_starts(name) for name in names)])


def _starts(name: str) -> list[str]:
    cls = getattr(DIFFUSERS.module("diffusers"), name)
    return [
        f"`{name}`",
        cls(**STABLE).config.timestep_spacing,
        *(_start(cls, s) for s in ("leading", "linspace", "trailing")),
    ]


def _start(cls: Any, spacing: str) -> str:
    scheduler = cls(**STABLE, timestep_spacing=spacing)
    scheduler.set_timesteps(STEPS)
    product = float(scheduler.alphas_cumprod[int(scheduler.timesteps[0])])
    return f"{((1 - product) / product) ** 0.5:.3f}"


def ranked() -> str:
    """Return the table of the published suite: what each sampler has in 24 steps, in the order of the suite."""
    board = Leaderboard.read(BOARD)
    rows = [row for row in board.rows if row.steps == RANKED_STEPS]
    kinds = [(network, metric) for network in ("exact", "mlp") for metric in ("kl", "sliced-wasserstein")]
    head = ("sampler", "NFE", *(f"{metric}, {network}" for network, metric in kinds))
    cells: dict[str, list[str]] = {}
    for text in tomllib.loads(SUITE.read_text(encoding="utf-8"))["samplers"]:
        (sampler,) = load().parse("sampler", text)
        own = {row.network.name: row for row in rows if (row.sampler.name, row.sampler.params) == _named(sampler)}
        values = [_value(own[network].metrics.get(metric)) for network, metric in kinds]
        cells[text] = [f"`{text}`", str(own["exact"].nfe), *values]
    return _table([head, *cells.values()])


def _named(sampler: Sampler) -> tuple[str, dict[str, Any]]:
    return sampler.name, sampler.parameters()


def _value(estimate: Any) -> str:
    return "n/a" if estimate is None else f"{estimate.value:.2g}"


def _table(rows: list[Any]) -> str:
    lines = [rows[0], ["---"] * len(rows[0]), *rows[1:]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def written(page: str, tables: list[str]) -> str:
    """Return the page with tables in place of those that it has, in their order."""
    made = iter(tables)
    found = re.sub(r"<!-- made -->\n(.*?\n\n)", lambda _: f"<!-- made -->\n{next(made)}\n\n", page, flags=re.DOTALL)
    with suppress(StopIteration):
        raise ValueError(f"no place for the table that begins {next(made)[:60]}")
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    DIFFUSERS.module("diffusers.utils.logging").set_verbosity_error()
    print(f"diffusers {DIFFUSERS.version()}, azula {AZULA.version()}")
    tables = [certificates(load()), orders(load()), levels(), starts(), ranked()]
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), tables), encoding="utf-8")
