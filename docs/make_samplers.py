"""Write the table of docs/samplers.md: the orders that samplers claim, beside those measured.

python docs/make_samplers.py
"""

from __future__ import annotations

import re
from pathlib import Path

from harness.engine.sampler_orders import HIGHEST, orders
from harness.registry.discovery import load
from harness.registry.registry import Registry
from harness.samplers import Sampler

PAGE = Path(__file__).with_name("samplers.md")

ALSO = (
    "deis:order=4",
    "lms:order=2",
    "unipc:order=1",
    "unipc:order=2",
    "unipc:order=2,corrector=false",
    "unipc:corrector=false",
    "er-sde:order=1",
    "er-sde:order=2",
    "er-sde:phi=ode",
    "er-sde:phi=sde",
    "dpmpp-2m-sde:form=heun",
    "euler-maruyama:schedule=edm",
    "edm-stochastic:s_churn=2,s_noise=1,s_min=0,s_max=1000",
)
"""Forms that are in the table besides the defaults."""

COLUMNS = ("sampler", "evaluations of 10 steps", "claimed", "geometric", "polynomial", "uneven", "mixture")


def table(registry: Registry) -> str:
    """Return the table, measured."""
    own = [name for name, cls in registry.classes("sampler").items() if cls.library is None]
    forms = sorted([*own, *ALSO])
    rows = [COLUMNS, ["---"] * len(COLUMNS), *(row(registry.parse("sampler", form)[0]) for form in forms)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def row(sampler: Sampler) -> list[str]:
    """Return the cells of one sampler; on the mixture, the least of the grids."""
    found = {each.name: each.measured for each in orders(sampler)}
    gaussian = [value for name, value in found.items() if "Gaussians" in name]
    mixture = [value for name, value in found.items() if "mixture" in name and "uneven" not in name]
    claimed = {f"{order:g}" for order in (sampler.claimed_order, sampler.claimed_order_uneven) if order}
    cells = [f"`{sampler.label()}`", str(sampler.evaluations(10)), ", ".join(sorted(claimed, reverse=True))]
    return [*cells, *map(_shown, gaussian), _shown(min(mixture)) if mixture else ""]


def _shown(order: float) -> str:
    return "rounding" if order == HIGHEST else f"{order:.2f}"


def written(page: str, rows: str) -> str:
    """Return the page with the table in place of the one that it has."""
    return re.sub(r"\| sampler \|.*?\n\n", lambda _: f"{rows}\n\n", page, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), table(load())), encoding="utf-8")
