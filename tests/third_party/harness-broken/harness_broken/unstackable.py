"""A plugin whose networks cannot be trained stacked, and whose weighting cannot learn."""

from harness import hookimpl
from harness.networks import TrainableNetwork
from harness.weight_learners import WeightLearner
from harness.weightings import LearnedWeighting


class Unstackable(TrainableNetwork):
    """A network whose module breaks a rule, by its name."""

    name = "unstackable"

    way: str = "dropout"

    def module(self, data):
        """Return the module that breaks this rule."""
        from harness_broken import modules

        return modules.module(self.way, data.dim)


class Forgetful(WeightLearner):
    """Raises where it is to learn."""

    def learn(self, sigma, squared):
        """Raise."""
        raise RuntimeError("nothing learned today")

    def omega(self):
        """Raise, too."""
        raise RuntimeError("nothing to tell")


class Unlearned(LearnedWeighting):
    """A weighting that raises at its first batch."""

    name = "unlearned"

    def omega(self, sigma, sigma_data):
        """Return 1."""
        return 0 * sigma + 1

    def learner(self, request):
        """Return what raises."""
        return Forgetful()


@hookimpl
def harness_networks():
    """Offer the network."""
    return [Unstackable]


@hookimpl
def harness_weightings():
    """Offer the weighting."""
    return [Unlearned]
