"""The metric that ranks a target, of several in order of preference.

Not every metric has a value of every row: the marginal divergence is known in low dimension alone, and there not of
samplers that miss mass. A metric ranks where each finished row that it has no value of is shown to be worse than the
best by a metric behind it: then the best rows lose nothing, and the others stand last. If none does, the one ranks that
has a value of the most rows. Effects compare all rows, the worst among them, so they are of a metric that has a value
of every row: the best rows alone would tell that a choice is good that is disastrous elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.quantities import Declarations
from harness.results.outcomes import Outcome
from harness.results.places import places


@dataclass(frozen=True)
class RankingMetric:
    """The metric that ranks the rows of a target, and that of which effects and interactions are."""

    ranks: str
    effects: str


def ranking_metric(
    section: Sequence[Outcome], preferred: Sequence[str], declared: Declarations, looks: int = 1
) -> RankingMetric:
    """Return which metric ranks a target.

    Arguments:
        section: the outcomes of one target; none has failed only because a metric did.
        preferred: at least one metric, the most preferred first.
        declared: how metrics compare.
        looks: as of `harness.results.places.places`.
    """
    finished = [outcome for outcome in section if outcome.ok]
    known = {metric: [bool(outcome.measured(metric)) for outcome in finished] for metric in preferred}

    def worse(rows: Sequence[int], metric: str) -> bool:
        """Tell whether a metric shows that some rows are all worse than another: no rank set of theirs holds 1."""
        if not all(known[metric][i] for i in rows):
            return False
        found = places(finished, metric, declared, looks)
        return all(found[i].low > 1 for i in rows)

    def ranks(place: int) -> bool:
        lacking = [i for i, has in enumerate(known[preferred[place]]) if not has]
        if len(lacking) == len(finished):
            return False
        return not lacking or any(worse(lacking, metric) for metric in preferred[place + 1 :])

    widest = max(preferred, key=lambda metric: sum(known[metric]))
    ranking = next((metric for place, metric in enumerate(preferred) if ranks(place)), widest)
    after = preferred[list(preferred).index(ranking) :]
    return RankingMetric(ranking, next((metric for metric in after if all(known[metric])), ranking))
