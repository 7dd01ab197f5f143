"""The fixed objective: the double sum of the paper, its levels, its rates."""

import math

import numpy as np
import pytest
import torch
from harness_wang.networks import Relu
from made_trainings import HIGH, LOW, TABLE, TARGET, Power, descent, learner, objective_of

from harness.data_spec import DataSpec
from harness.engine.levels import table_levels
from harness.engine.modules import initial_module
from harness.engine.objective import Objective, cell_masses
from harness.engine.tabulate import comb
from harness.errors import HarnessError


@pytest.fixture(scope="module")
def law():
    return TARGET.distribution()


class TestObjective:
    def test_it_is_the_double_sum_of_the_paper(self, law):
        clean = law.sample(4, torch.Generator().manual_seed(1)).double()
        noise = torch.randn(3, 4, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        sigma = torch.tensor([0.5, 1.0, 4.0], dtype=torch.float64)
        mass, omega = torch.tensor([0.3, 1.2, 0.7], dtype=torch.float64), sigma**2
        module = initial_module(Relu(width=8, depth=2), DataSpec((3,), 1.0), 0).double()
        loss, parts = Objective(sigma, mass, omega, clean, noise)(module)
        beta = (mass * sigma**2).tolist()
        total, lengths = 0.0, []
        for j, s in enumerate(sigma):
            norms = []
            for i in range(4):
                x = clean[i] + s * noise[j, i]
                v = s * module.score(x[None], s[None])[0] + noise[j, i]
                norms.append(float(v.detach() @ v.detach()))
                total += beta[j] / sum(beta) * norms[-1] / (2 * 4)
            lengths.append(np.mean(np.sqrt(norms)))
        assert float(loss.detach()) == pytest.approx(total, rel=1e-12)
        assert parts.total == pytest.approx(total, rel=1e-12)
        assert parts.residual.tolist() == pytest.approx(lengths, rel=1e-12)

    def test_cells_cover_the_range(self):
        for count in (2, 3, 17):
            sigma = table_levels(LOW, HIGH, count)
            edges = [LOW, *(sigma[1:] * sigma[:-1]).sqrt().tolist(), HIGH]
            mass = cell_masses(sigma, TABLE, 1 / TABLE)
            assert mass.tolist() == pytest.approx(np.diff(np.log(edges)), rel=1e-12)

    def test_a_comb_falls_to_the_cells_that_its_teeth_are_in(self):
        sigma = table_levels(LOW, HIGH, 4)
        teeth, masses = np.array([HIGH, 3.9, 1.1, 0.9, LOW]), np.array([0.1, 0.2, 0.3, 0.15, 0.25])
        found = cell_masses(sigma, TABLE, torch.from_numpy(comb(TABLE.numpy(), teeth, masses)))
        assert found.tolist() == pytest.approx([0.25, 0.45, 0.0, 0.3], abs=1e-12)

    @pytest.mark.parametrize("power", [-2.0, 0.0, 1.5])
    def test_many_levels_approach_the_integral(self, law, power):
        who = learner(weighting=Power(power=power))
        objective = objective_of(law, who, descent(levels=801, points=1))
        middle = float((objective.beta * objective.sigma).sum())
        # ∫σ·σ^(p−1) / ∫σ^(p−1), in closed form.
        integral = lambda a: math.log(HIGH / LOW) if a == 0 else (HIGH**a - LOW**a) / a  # noqa: E731
        assert middle == pytest.approx(integral(power + 1) / integral(power), rel=1e-4)
        assert float(objective.beta.sum()) == pytest.approx(1, rel=1e-14)

    def test_the_gradient_of_a_term_is_what_the_rates_say(self, law):
        """‖∇L_j‖² = 2 r_j κ_j L_j / n: the rate is β_jσ_j², not β_jσ_j³."""
        how, module = descent(levels=2), initial_module(Relu(width=8, depth=2), DataSpec((3,), 1.0), 0).double()
        learned = [p for p in module.parameters() if p.requires_grad]
        objective = objective_of(law, learner(), how)
        for j in range(2):
            omega = torch.zeros(2, dtype=torch.float64)
            omega[j] = 1.0
            alone = objective_of(law, learner(), how)
            alone.set_omega(omega)
            loss, _ = alone(module)
            share = float(objective.beta[j])
            gradient = sum(float(g.square().sum()) for g in torch.autograd.grad(share * loss, learned))
            s = float(objective.sigma[j])
            x = alone._noised.view(2, 4, 3)[j]
            v = s * module.score(x, torch.full((4,), s, dtype=torch.float64)) + alone._noise.view(2, 4, 3)[j]
            pulled = torch.autograd.grad(module.score(x, torch.full((4,), s).double()), learned, v.detach())
            kappa = sum(float(g.square().sum()) for g in pulled) / float(v.detach().square().sum())
            rate, term = float(objective.rates[j]), share * float(loss.detach())
            assert gradient == pytest.approx(2 * rate * kappa * term / 4, rel=1e-10)

    def test_points_and_noise_are_those_of_the_seed_alone(self, law):
        a = objective_of(law, learner(), descent())
        b = objective_of(law, learner(Power(power=2.0)), descent())
        c = objective_of(law, learner(seed=1), descent())
        assert torch.equal(a._noised, b._noised)
        assert torch.equal(a._noise, b._noise)
        assert not torch.equal(a._noised, c._noised)

    def test_weights_that_vanish_everywhere_are_refused(self, law):
        objective = objective_of(law, learner(), descent())
        with pytest.raises(HarnessError, match="0 at all 3 levels"):
            objective.set_omega(torch.zeros(3, dtype=torch.float64))
