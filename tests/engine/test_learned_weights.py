"""Learned weights: what a weighting is shown, when it is asked, and what is told of one that breaks its contract."""

import pytest
import torch
from harness_karras.networks import Mlp
from harness_wang.networks import Relu
from harness_wang.weightings import BellShaped
from made_trainings import TABLE, TARGET, adam, descended, learner

from harness.data_spec import DataSpec
from harness.engine.adam import train
from harness.engine.learned_weights import LearnedWeight, learned_weight
from harness.engine.objective import cell_masses
from harness.errors import ContractError, NotApplicable
from harness.weight_learners import WeightLearner, WeightRequest
from harness.weightings import LearnedWeighting

NETWORK = Mlp(width=16, depth=2, features=4)
REQUEST = WeightRequest(DataSpec((3,), 0.7), TABLE)


class Tilting(WeightLearner):
    """ω = σ^a, with a a parameter that moves by a random amount with each batch."""

    def __init__(self, request):
        self.request, self.seen = request, []
        self.power = float(torch.randn(()))  # of torch's global seed

    def learn(self, sigma, squared):
        self.seen.append((sigma, squared))
        self.power += float(squared.mean().tanh()) * 0.01

    def omega(self):
        return self.request.sigma**self.power


class Tilted(LearnedWeighting):
    name = "tilted"
    every = 4

    def omega(self, sigma, sigma_data):
        return torch.ones_like(sigma)

    def learner(self, request):
        self.__dict__.setdefault("made", []).append(Tilting(request))
        return self.made[-1]


class Spoiling(Tilted):
    def learner(self, request):
        request.sigma.log_()
        made = super().learner(request)
        request.sigma.fill_(1.0)
        return made


def trained(who, steps, **changes):
    """The snapshots of networks that train together, and what a watch of one was shown."""
    seen, watched = [], len(who) == 1

    def watch(step, stack, draw, sigma, omega, squared):
        seen.append((draw.omega.clone(), sigma.clone(), squared.clone()))

    law = TARGET.distribution()
    found = list(train(NETWORK, law, who, adam(batch_size=32, **changes), (steps,), watch if watched else None))
    return found[0], seen


def same(one, other):
    return all(torch.equal(one.state[name], value) for name, value in other.state.items())


class TestAdam:
    def test_it_is_shown_each_batch_and_asked_after_every_few(self):
        who = learner(Tilted())
        (snapshot,), seen = trained([who], 10)
        (made,) = who.weighting.made
        assert snapshot.diverged is None
        assert made.request.data == TARGET.distribution().data
        assert made.request.fresh
        assert torch.equal(made.request.sigma, TABLE)
        assert len(made.seen) == 10
        for (_, sigma, squared), (own_sigma, own) in zip(seen, made.seen, strict=True):
            assert torch.equal(own_sigma, sigma[0])
            assert torch.equal(own, squared[0].double())
            assert own.dtype == own_sigma.dtype == torch.float64
        # Renewed after 4 and 8 batches: the weights of steps 0 … 3, 4 … 7 and 8, 9.
        weights = [omega for omega, *_ in seen]
        assert [not torch.equal(weights[i], weights[i + 1]) for i in range(9)] == [i in (3, 7) for i in range(9)]

    def test_levels_that_it_changes_are_its_own(self):
        # As one that works on ln σ in place; its siblings, and the training itself, go on with the levels.
        (_, beside), _ = trained([learner(Spoiling()), learner(Tilted(), 1)], 12)
        (alone,), _ = trained([learner(Tilted(), 1)], 12)
        assert same(beside, alone)

    def test_the_weight_has_mean_one(self):
        who = learner(Tilted())
        _, seen = trained([who], 5)
        omega = seen[4][0][0]
        assert float(omega.max() / omega.min()) > 1.05
        assert float((omega[1:] + omega[:-1]).mean()) / 2 == pytest.approx(1.0, rel=1e-9)  # p = 1/σ

    def test_it_depends_on_its_seed_alone(self):
        # Not on its place in a stack, on what is beside it, or on what was drawn before in this process.
        alone = [trained([learner(Tilted(), seed)], 12)[0][0] for seed in (0, 1)]
        torch.rand(7)
        both, _ = trained([learner(Tilted(), 1), learner(None, 3), learner(Tilted(), 0)], 12)
        assert same(both[2], alone[0])
        assert same(both[0], alone[1])
        assert not same(alone[0], alone[1])
        first, again = (LearnedWeight(Tilted(), REQUEST, 5) for _ in range(2))
        assert first._learner.power == again._learner.power != LearnedWeight(Tilted(), REQUEST, 6)._learner.power

    def test_a_weight_is_what_the_network_is_trained_with(self):
        plain, tilted = trained([learner()], 12)[0][0], trained([learner(Tilted())], 12)[0][0]
        assert not same(plain, tilted)

    def test_a_shorter_training_is_the_beginning_of_a_longer_one(self):
        law = TARGET.distribution()
        short, long = (list(train(NETWORK, law, [learner(Tilted())], adam(batch_size=32), n)) for n in ((6,), (6, 9)))
        assert same(short[0][0], long[0][0])

    def test_a_network_that_diverged_is_told_and_no_weighting_blamed(self):
        (snapshot,), _ = trained([learner(Tilted())], 30, learning_rate=1e30)
        assert snapshot.diverged is not None


class TestGradientDescent:
    def test_levels_that_it_changes_are_its_own(self):
        (spoiled,) = descended(NETWORK, learner(Spoiling()), lengths=(3,), points=8, levels=5)
        (plain,) = descended(NETWORK, learner(None), lengths=(3,), points=8, levels=5)
        assert torch.equal(torch.tensor(spoiled.trajectory.sigma), torch.tensor(plain.trajectory.sigma))

    def test_it_is_shown_the_whole_objective_before_each_step_but_the_first(self):
        who = learner(Tilted())
        (snapshot,) = descended(NETWORK, who, lengths=(9,), points=8, levels=5)
        (made,), t = who.weighting.made, snapshot.trajectory
        assert not made.request.fresh
        assert torch.equal(made.request.sigma, torch.from_numpy(t.sigma))
        assert t.renewed == (4, 8)
        assert not t.fixed
        for step, (sigma, squared) in enumerate(made.seen[:8], start=1):
            assert torch.equal(sigma, made.request.sigma.repeat_interleave(8))
            assert squared.sqrt().view(5, 8).mean(1).tolist() == pytest.approx(t.residual[step].tolist(), rel=1e-9)

    def test_it_descends_on_the_weight_as_it_is(self):
        who = learner(Tilted())
        (snapshot,) = descended(NETWORK, who, lengths=(9,), points=8, levels=5)
        t, mass = snapshot.trajectory, cell_masses(torch.from_numpy(snapshot.trajectory.sigma), TABLE, 1 / TABLE)
        omega = torch.from_numpy(t.beta) / mass
        # After 8 steps ω = σ^a with the a of then, and one batch was seen since.
        slopes = omega.log().diff() / torch.from_numpy(t.sigma).log().diff()
        (made,) = who.weighting.made
        before = made.power - 0.01 * float(made.seen[-1][1].mean().tanh())
        assert slopes.tolist() == pytest.approx([before] * 4, rel=1e-6)

    def test_bell_shaped_sees_the_same_as_ever(self):
        (snapshot,) = descended(Relu(width=8, depth=2), learner(BellShaped()), lengths=(60,), points=8)
        assert snapshot.trajectory.renewed == (50,)


class Broken(LearnedWeighting):
    """A learned weighting that breaks its contract in a way that it is told."""

    name = "broken"
    way: str = ""

    def omega(self, sigma, sigma_data):
        return torch.ones_like(sigma)

    def learner(self, request):
        if self.way == "learner":
            raise RuntimeError("no learner today")
        if self.way == "nothing":
            return None
        if self.way == "inapplicable":
            raise NotApplicable("it is for images")
        return Misled(self.way, request)


class Misled(WeightLearner):
    def __init__(self, way, request):
        self.way, self.request = way, request

    def learn(self, sigma, squared):
        if self.way == "learn":
            raise ValueError("nothing to learn")
        sigma.zero_()

    def omega(self):
        sigma = self.request.sigma
        return {"shape": sigma[:3], "negative": -sigma, "nan": sigma * float("nan"), "graph": sigma.requires_grad_()}[
            self.way
        ]


@pytest.mark.parametrize(
    ("way", "rule"),
    [
        ("learner", "learner: RuntimeError: no learner today"),
        ("nothing", "learner: type NoneType; it must be a harness.weight_learners.WeightLearner"),
        ("learn", "learn: ValueError: nothing to learn"),
        ("shape", "omega: shape (3,); it must be (512,)"),
        ("negative", "omega: -0.5 at level 0; it must be positive"),
        ("nan", "omega: nan at index 0; it must be finite"),
    ],
)
@pytest.mark.parametrize("descending", [False, True])
def test_what_breaks_the_contract_is_told_in_a_line_that_names_it(way, rule, descending):
    who = learner(Broken(way=way))
    if descending:
        rule = rule.replace("512", "4")
    with pytest.raises(ContractError) as caught:
        descended(NETWORK, who, lengths=(3,), levels=4) if descending else trained([who], 3)
    text = str(caught.value)
    assert text.startswith(f"weighting broken:way={way}: {rule}")
    assert len(text) <= 300
    assert "\n" not in text


def test_one_that_is_not_made_for_a_training_says_so():
    with pytest.raises(NotApplicable, match="it is for images"):
        trained([learner(Broken(way="inapplicable"))], 3)


def test_levels_are_copies_and_a_graph_is_cut():
    (snapshot,), _ = trained([learner(Broken(way="graph"))], 3)
    assert snapshot.diverged is None


def test_a_weighting_that_stays_has_no_learner():
    assert learned_weight(learner().weighting, REQUEST, 0) is None


@pytest.mark.parametrize("every", [0, -1, 2.0, True, None])
def test_a_number_of_steps_that_is_none_is_refused_when_the_plugin_is_loaded(every):
    cls = type("Odd", (Tilted,), {"name": "odd", "every": every, "__module__": __name__})
    with pytest.raises(ContractError, match=r"has every .*; it must be a whole number of steps above 0"):
        cls.check_class()
    assert Tilted.check_class() is None
