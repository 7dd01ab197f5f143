"""Bounds: upper bounds from theory on the error of the generated law q_N.

Each declares what it limits (`harness.quantities`). Most limit the path divergence, and with it KL(p_δ ‖ q_N), in
nats; some the marginal divergence alone, the 2-Wasserstein distance, or the training loss.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.components import Component
from harness.errors import ContractError, NotApplicable, did_you_mean
from harness.quantities import DATA, DIVERGENCES, QUANTITIES, Limited, Quantity

if TYPE_CHECKING:
    import numpy as np

    from harness.budget import Budget
    from harness.information import Information, ScoreError
    from harness.initial_laws import Start
    from harness.samplers import Sampler
    from harness.targets import Distribution
    from harness.trajectories import Trajectory
    from harness.weighting_tables import WeightingTable

TOLERANCE = 1e-6
"""Relative distance at which a kernel's variances still count as the exponential integrator's."""

LEVELS = 64
"""Noise levels, besides the grid's, at which a score error must vanish for the score to count as exact."""


@dataclass(frozen=True)
class Design:
    """All that a bound may look at.

    Attributes:
        sampler: the sampler.
        sigmas: the grid, shape (N+1,), decreasing.
        variances: the kernel's variances, shape (N,); None where the step is no Gaussian kernel.
        dim: the dimension d.
        second_moment: m₂² = E‖X_0‖².
        information: the target's J(u) and M(u); of a network that is given labels, their means over labels, each that
            of the points that have the label.
        score_error: the network's e(σ); likewise.
        budget: the exact budget of the path divergence; None where there is none. Of a network that is given labels it
            is that of path and label together, which bounds that of the path alone (docs/theory.md, section 2).
        target: the law that is learned, for bounds that hold for some laws only; None where it is not known.
        initial: the law that the sampler starts from; None: N(0, σ_0² I).
        training: how the network was trained, where gradient descent recorded it.
        weighting: the total weighting β of the network's training; None where nothing is trained.
        labelled: whether the network is given labels: both curves and the budget are then means over labels. A bound
            whose mean over labels is not above what it is for such means does not apply.
    """

    sampler: Sampler
    sigmas: np.ndarray
    variances: np.ndarray | None
    dim: int
    second_moment: float
    information: Information
    score_error: ScoreError
    budget: Budget | None
    target: Distribution | None = None
    initial: Start | None = None
    training: Trajectory | None = None
    weighting: WeightingTable | None = None
    labelled: bool = False

    @property
    def centered(self) -> bool:
        """Whether the sampler starts at N(0, σ_0² I)."""
        return self.initial is None or self.initial.is_centered(float(self.sigmas[0]))

    @property
    def initialization(self) -> float | NotApplicable:
        """What bounds E_I, in nats: m₂²/2u_0 for the start N(0, u_0 I); of another, E_I itself.

        m₂²/2u_0 is the theorems' own term, by convexity: KL(E N(X_0, uI) ‖ N(0, uI)) ≤ E KL(N(X_0, uI) ‖ N(0, uI)).
        For another start the same argument leaves ½ ln det(I + Σ/u_0) at best, which is no smaller in order, while
        E_I may vanish: so E_I is taken, through the mean and covariance of the target.
        """
        u = float(self.sigmas[0]) ** 2
        if self.initial is None or self.centered:
            return self.second_moment / (2 * u)
        if self.target is None:
            return NotApplicable("the start is not N(0, σ_0² I), and the target's moments are not known")
        exact = self.initial.divergence(u, self.information, *self.target.mean_and_covariance())
        return max(0.0, float(exact.mean()))

    @property
    def exact_score(self) -> bool:
        """Whether the score error vanishes at every level of the grid and between."""
        import numpy as np

        between = np.geomspace(self.sigmas[-1], self.sigmas[0], LEVELS)
        return not any(np.any(self.score_error(levels)) for levels in (self.sigmas, between))


class Bound(Component):
    """An upper bound that says where it applies.

    Attributes:
        limits: the quantities that it is an upper bound on (`harness.quantities`). It is compared with every metric
            that measures one of them in its space.
        space: where they are measured: `data`, or a word for the map that takes points elsewhere (features).
        equals: the quantity that it is by definition, so that to measure it above the bound is no violation; or None.
    """

    axis: ClassVar[str] = "bound"
    limits: ClassVar[tuple[Quantity, ...]] = ()
    space: ClassVar[str] = DATA
    equals: ClassVar[Quantity | None] = None

    @classmethod
    def check_class(cls) -> None:
        """Refuse a bound that does not declare what it limits.

        Raises:
            ContractError: what is wrong, as the end of a sentence that begins with the bound's name.
        """
        known = [quantity for quantity in QUANTITIES if quantity != "other"]
        if not isinstance(cls.limits, (list, tuple)) or not cls.limits:
            raise ContractError(f"limits nothing; limits must list some of {', '.join(known)}")
        for quantity in cls.limits:
            if quantity not in known:
                raise ContractError(f"limits {quantity!r}; {did_you_mean(str(quantity), known)}")
        if cls.equals is not None and cls.equals not in cls.limits:
            raise ContractError(f"equals {cls.equals!r}, which is not among its limits")
        if not isinstance(cls.space, str) or not cls.space:
            raise ContractError(f"has space {cls.space!r}; it must be a word: {DATA!r}, or another for another space")

    @classmethod
    def limited(cls) -> Limited:
        """Return what it declares, as a document holds it."""
        return Limited(limits=list(cls.limits), space=cls.space, equals=cls.equals)

    @abstractmethod
    def value(self, design: Design) -> float | NotApplicable:
        """The bound, in the unit of what it limits (divergences: nats), or why it does not apply."""


class FrozenScoreBound(Bound):
    """A bound on the path divergence of steps X' ~ N(x + Δ_j S(x, σ_j), Δ_j I), the exponential integrator's.

    The divergence is E_I + E_S + E_D exactly (`harness.budget`). Bounds of this kind share the first term and
    mostly the second, and differ in the third:

        E_I ≤ m₂²/(2u_0)     for the start N(0, u_0 I); E_I itself for another (`Design.initialization`)
        E_S ≤ `score`, by default E_S itself, ½ Σ Δ_j e_j
        E_D ≤ `discretization`

    With P_v = −J'(v) = E‖∇² log p_v‖² ≥ 0, E_D = ½ Σ_j ∫_{u_{j+1}}^{u_j} (v − u_{j+1}) P_v dv, and with the
    posterior covariance Σ of X_0 given X_v,  P_v = (d − 2M/v + M')/v²,  M' = E tr Σ²/v² ≥ 0.
    """

    limits: ClassVar[tuple[Quantity, ...]] = DIVERGENCES

    @abstractmethod
    def discretization(self, design: Design, u: np.ndarray) -> float | NotApplicable:
        """Bound on E_D in nats for noise variances u, shape (N+1,), decreasing; or why it does not apply."""

    def score(self, design: Design, u: np.ndarray) -> float | NotApplicable:
        """Bound on E_S in nats for noise variances u, shape (N+1,), decreasing; or why it does not apply."""
        return 0.5 * float(((u[:-1] - u[1:]) * design.score_error(design.sigmas[:-1]).mean(0)).sum())

    def value(self, design: Design) -> float | NotApplicable:
        """The bound in nats; only for steps of variance Δ_j."""
        import numpy as np

        who = design.sampler.name
        if design.variances is None:
            return NotApplicable(f"{self.name} is for Gaussian steps of variance Δ_j; {who} has none")
        u = np.asarray(design.sigmas, dtype=np.float64) ** 2
        delta = u[:-1] - u[1:]
        if not np.allclose(design.variances, delta, rtol=TOLERANCE, atol=0.0):
            return NotApplicable(
                f"{self.name} is for steps of variance Δ_j (exponential integrator); {who} has another"
            )
        discretization = self.discretization(design, u)
        if isinstance(discretization, NotApplicable):
            return discretization
        score = self.score(design, u)
        if isinstance(score, NotApplicable):
            return score
        initialization = design.initialization
        if isinstance(initialization, NotApplicable):
            return initialization
        return initialization + score + discretization
