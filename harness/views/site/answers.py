"""Answers: what a leaderboard settles, what ties and what makes no difference, in two sentences, by rules.

Trained designs and oracles, which train nothing, are apart. Where the first of a group may be best of all, those that
tie with it are the others that may be, as none is told better than they are; where it may not, those whose rank sets
overlap with its own. A choice has
an effect where the interval of one of the axis' effects leaves out no effect; of an axis without such an interval is
said that no effect is told, which is not that there is none. Nothing is said that the document does not carry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.results.leaderboard import TRAINED, Effect, Leaderboard, Row
from harness.results.misleading import misleading
from harness.results.sections import HEADERS, TargetSection, sections, target_label
from harness.views.digits import counted, joined, number, with_interval


@dataclass(frozen=True)
class Leader:
    """The best design of one group on a target.

    Attributes:
        target: its label.
        row: the design.
        others: how many more the group has.
        ties: those of them that may be best of all, where it may be; else those whose rank sets overlap with its own.
    """

    target: str
    row: Row
    others: int
    ties: int

    @property
    def settled(self) -> bool:
        """Whether it is told from all others, of which there are some."""
        return self.others > 0 and self.ties == 0


@dataclass(frozen=True)
class Influence:
    """What an axis does among some networks: its effects on one target, from the best choice to the worst."""

    axis: str
    among: str | None
    effects: Sequence[Effect]

    @property
    def told(self) -> bool:
        """Whether some choice's interval leaves out no effect."""
        return any(_told(effect) for effect in self.effects)

    @property
    def spread(self) -> float:
        """How far the worst choice is from the best: a ratio, or a difference."""
        best, worst = self.effects[0], self.effects[-1]
        return worst.size / best.size if best.factor is not None else worst.size - best.size


def answer(board: Leaderboard) -> list[tuple[str, str]]:
    """Return two sentences on a leaderboard and, where it has several targets, two on each: a target and its words.

    The first pair is on the whole, with no target.
    """
    shown = sections(board)
    each = [(section.target, f"{_best(board, section)} {_what_matters(board, section)}") for section in shown]
    return [("", each[0][1])] if len(each) == 1 else [("", _whole(board, shown)), *each]


def leader(section: TargetSection, *, trained: bool) -> Leader | None:
    """Return the best ranked design of a target that is trained, or that is not; None where there is none."""
    group = [row for row in section.ranked if (row.train_steps > 0) == trained]
    if not group:
        return None
    first, *others = group
    ends = 1 if first.rank_low == 1 else first.rank_high
    ties = sum(row.rank_low <= ends and first.rank_low <= row.rank_high for row in others)
    return Leader(section.target, first, len(others), ties)


def influences(board: Leaderboard, section: TargetSection) -> list[Influence]:
    """Return what each axis does on a target among trained networks, or where none is trained among oracles."""
    label = section.target
    kinds = _kinds(section)
    groups: dict[tuple[str, str | None], list[Effect]] = {}
    for effect in board.effects:
        if target_label(effect.target, board) == label and (effect.among is None or effect.among in kinds):
            groups.setdefault((effect.axis, effect.among), []).append(effect)
    return [
        Influence(axis, among, sorted(found, key=lambda effect: effect.size))
        for (axis, among), found in groups.items()
        if len(found) > 1
    ]


def _kinds(section: TargetSection) -> set[str]:
    """Return the names that effects have for the networks of a target: the trained ones where there are any."""
    trained = [row for row in section.rows if row.train_steps > 0]
    found = [row.component("network") for row in trained or section.rows]
    names = {name for each in found for name in (each.name, f"{each.distribution}/{each.name}")}
    return names | ({TRAINED} if trained else {"oracles"})


def _best(board: Leaderboard, section: TargetSection) -> str:
    """Return the sentence on what is settled and what ties."""
    trained, oracle = (leader(section, trained=each) for each in (True, False))
    if trained is None and oracle is None:
        counts = [(section.diverged, "diverged"), (section.failed, "failed"), (section.inapplicable, "did not apply")]
        told = [f"{len(rows)} {words}" for rows, words in counts if rows]
        return f"No design is ranked: {', '.join(told) or 'none is finished'}."
    parts = [_leads(board, section, each) for each in (trained, oracle) if each is not None]
    if trained is None:
        return f"No design is trained. Of oracles, {parts[0]}."
    if oracle is None:
        return f"Of trained designs, {parts[0]}."
    return f"Of trained designs, {parts[0]}; of oracles, which train nothing, {parts[1]}."


def _leads(board: Leaderboard, section: TargetSection, found: Leader) -> str:
    """Return what is said of the best design of a group."""
    name = " · ".join(section.combination(found.row, section.constants()))
    entry = found.row.metrics[section.metric]
    told = f"{name} has the smallest {section.metric}, {with_interval(entry.value, entry.low, entry.high)}, "
    if not found.others:
        told = told.replace("has the smallest", "alone is ranked: its", 1).removesuffix(", ")
    elif found.settled:
        told += f"and is told from the {counted(found.others, 'other')}"
    elif found.ties == found.others:
        told += f"and ties with all {counted(found.others, 'other')}: none is told best"
    elif found.row.rank_low == 1:
        told += f"and {found.ties} of {counted(found.others, 'other')} may be best as well (none is told better)"
    else:
        told += f"and ties with {found.ties} of {counted(found.others, 'other')} (their rank sets overlap)"
    if any(found.row is row for row in section.copying(board.declared)):
        told += ", but copies training points"
    return told


def _what_matters(board: Leaderboard, section: TargetSection) -> str:
    """Return the sentence on which choices have an effect."""
    found = influences(board, section)
    if not found:
        return "Effects of single choices are not known: no axis has two choices in the same settings."
    told = [each for each in found if each.told]
    parts = [_strongest(board, section, max(told, key=lambda each: each.spread))] if told else []
    silent = [HEADERS[axis] for axis in dict.fromkeys(e.axis for e in found) if axis not in {e.axis for e in told}]
    if silent:
        parts.append(f"no effect of {joined(silent, 'or')} is told")
    sentence = "; ".join(parts)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _strongest(board: Leaderboard, section: TargetSection, most: Influence) -> str:
    """Return what is said of the axis with the largest spread."""
    best, worst = most.effects[0], most.effects[-1]
    sizes = [f"{e.factor:.2f} times" if e.factor is not None else f"{number(e.size)} from" for e in (best, worst)]
    among = f" (networks: {most.among})" if most.among not in (None, TRAINED) else ""
    told = (
        f"the largest effect told is of {HEADERS[most.axis]}{among}: {section.effects_by} is {sizes[0]} its mean with "
        f"{best.choice} and {sizes[1]} with {worst.choice}"
    )
    others = [
        str(entry.other) if entry.axis == most.axis else str(entry.axis)
        for each in misleading(board)
        if each.of(most.axis)
        and target_label((entry := each.interaction).target, board) == section.target
        and entry.among == most.among
        and most.axis in (entry.axis, entry.other)
    ]
    if not others:
        return told
    return f"{told}; averages mislead there, for it interacts with {joined([HEADERS[o] for o in others])}"


def _whole(board: Leaderboard, shown: Sequence[TargetSection]) -> str:
    """Return the two sentences on several targets."""
    found = [each for section in shown if (each := leader(section, trained=True))]
    noun = "trained design"
    if not found:
        found = [each for section in shown if (each := leader(section, trained=False))]
        noun = "oracle"
    settled = [each.target for each in found if each.settled]
    ties = [each.ties for each in found if each.ties]
    parts = [f"on {joined(settled) or 'no target'} is one {noun} told from all others"] if settled or ties else []
    if ties:
        span = str(ties[0]) if min(ties) == max(ties) else f"{min(ties)} to {max(ties)}"
        parts.append(f"{'elsewhere ' if settled else ''}the best ties with {span}")
    first = "; ".join(parts) or f"no {noun} has another to be told from"
    return f"{first[:1].upper()}{first[1:]}. {_everywhere(board, shown)}"


def _everywhere(board: Leaderboard, shown: Sequence[TargetSection]) -> str:
    """Return the sentence on which axis matters most on which targets, and of which none is told on any."""
    strongest: dict[str, list[str]] = {}
    told: set[str] = set()
    known: dict[str, None] = {}
    for section in shown:
        found = influences(board, section)
        known |= dict.fromkeys(each.axis for each in found)
        effective = [each for each in found if each.told]
        told |= {each.axis for each in effective}
        if effective:
            most = max(effective, key=lambda each: each.spread)
            strongest.setdefault(HEADERS[most.axis], []).append(section.target)
    named = [f"of {axis} on {joined(targets)}" for axis, targets in strongest.items()]
    parts = [f"the largest effect told is {', '.join(named)}"] if named else []
    silent = [HEADERS[axis] for axis in known if axis not in told]
    parts += [f"no effect of {joined(silent, 'or')} is told on any target"] if silent else []
    sentence = "; ".join(parts) or "effects of single choices are not known"
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _told(effect: Effect) -> bool:
    low, high = effect.low, effect.high
    return (low is not None and low > effect.neutral) or (high is not None and high < effect.neutral)
