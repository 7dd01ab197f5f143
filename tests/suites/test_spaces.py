"""Spaces: what a recommendation chooses from; each mistake is told in one line."""

import pytest
from small_space import SPACE

from harness.suites.model import SuiteError
from harness.suites.spaces import DEFAULT, Space, target_of


@pytest.fixture
def space(tmp_path):
    def made(text=SPACE):
        file = tmp_path / "space.toml"
        file.write_text(text)
        return Space.load(str(file))

    return made


def designs(space, registry, target="ring"):
    return space.combinations(space.suite([target], 0.05, 5.0, space.race.start), registry)


def test_the_one_that_ships_holds_the_fields_default_and_its_references(registry):
    space = Space.load(DEFAULT)
    found = designs(space, registry)
    default = space.default_design(found, registry)
    assert default in found
    assert default.weighting.p_mean == -1.2
    pairs = {(c.sampler, c.time_discretization) for c in found}
    assert set(space.pairs(registry)) <= pairs


def test_a_sampler_of_two_evaluations_a_step_gets_half_the_steps(space, registry):
    found = designs(space(), registry)
    assert {(c.sampler.name, c.steps) for c in found} == {("heun", 6), ("euler", 12)}
    assert all(c.sampler.evaluations(c.steps) == 12 for c in found)


def test_the_fields_default_takes_part_where_the_space_is_without_it(space, registry):
    text = SPACE.replace('weightings = ["edm", "min-snr"]', 'weightings = ["min-snr"]').replace("edm,v", "v")
    found = designs(space(text), registry)
    default = found[-1]
    assert len(found) == 5
    assert (default.weighting.name, default.network.precondition.name) == ("edm", "edm")
    assert default.network.width == 8


def test_a_network_of_the_user_is_crossed_with_the_preconditionings(space, registry):
    made = space().changed(networks=("mlp:width=16",), registry=registry)
    networks = {c.network for c in designs(made, registry)}
    assert {(n.width, n.precondition.name) for n in networks} == {(16, "edm"), (16, "v")}
    made = space().changed(networks=("mlp:width=16,precondition=v",), registry=registry)
    networks = {c.network for c in designs(made, registry)}
    assert {(n.width, n.precondition.name) for n in networks} == {(16, "v"), (16, "edm")}  # the default's besides


def test_what_a_user_chooses_takes_the_place_of_the_spaces(space, registry):
    made = space().changed(evaluations=8, seeds=3, train_steps=5, metric="energy", registry=registry)
    suite = made.suite(["ring"], 0.05, 5.0, made.race.start)
    assert made.race.seeds == (2, 3)
    assert suite.seeds == (0, 1, 2)
    assert suite.training.steps == (5,)
    assert (suite.metrics, suite.rank_by) == (("energy",), ("energy",))
    assert {c.steps for c in made.combinations(suite, registry)} == {4, 8}


def test_other_seeds_make_the_race_anew(space, registry):
    made = space().changed(seeds=3, first_seed=1000, registry=registry)
    assert made.suite(["ring"], 0.05, 5.0, made.race.start).seeds == (1000, 1001, 1002)
    assert space().changed(seeds=3, registry=registry).suite(["ring"], 0.05, 5.0, made.race.start).seeds == (0, 1, 2)


MISTAKES = [
    ('name = "tiny"', 'name = "tiny"\ntargets = ["ring"]', "space.toml: targets: follows from the data"),
    (
        'metrics = ["sliced-wasserstein"]\nrank_by = "sliced-wasserstein"',
        'metrics = ["energy", "kl"]\nrank_by = ["kl", "energy"]',
        "space.toml: rank_by: names 2 metrics; a race is decided by one",
    ),
    ("seeds = [2, 4]", "seeds = [4, 2]", "race.seeds: must increase from look to look"),
    ("seeds = [2, 4]", "seeds = [1, 4]", "race.seeds.0: Input should be greater than or equal to 2"),
    ("evaluations = 12", "evaluation = 12", "race.evaluations: Field required"),
    ('"min-snr"]', '"min-snr"', "is not valid TOML"),
    ('rank_by = "sliced', 'rank_by = "sliced-x', "rank_by"),
]


@pytest.mark.parametrize(("there", "instead", "message"), MISTAKES)
def test_a_mistake_is_told_before_data_are_read(space, there, instead, message):
    with pytest.raises(SuiteError, match=r"space\.toml: ") as error:
        space(SPACE.replace(there, instead))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_too_few_evaluations_for_two_steps(space, registry):
    made = space().changed(evaluations=3, registry=registry)
    with pytest.raises(SuiteError, match=r"sampler heun: 3 evaluations are less than two steps take; raise --nfe"):
        designs(made, registry)


def test_a_space_that_is_not_there(tmp_path):
    with pytest.raises(SuiteError, match=r"nowhere\.toml: cannot be read"):
        Space.load(str(tmp_path / "nowhere.toml"))


def test_what_no_suite_may_be_no_space_may_be(space):
    """A device would be read without end, and of a large file the beginning alone."""
    with pytest.raises(SuiteError, match="/dev/zero: is a device or a pipe; a space is a TOML file"):
        Space.load("/dev/zero")
    with pytest.raises(SuiteError, match="has more than 1,000,000 bytes; a space is a short TOML file"):
        space(SPACE + "#" * 1_000_000)
    with pytest.raises(SuiteError, match="is nested too deeply; a space is"):
        space("a = " + "[" * 100_000)


def test_data_are_a_target_or_a_file(registry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "points.csv").write_text("1,2\n3,4\n")
    assert target_of(registry, "ring", "file").name == "ring"
    assert target_of(registry, "gaussian:dim=3", "file").dim == 3
    assert target_of(registry, "points.csv", "file").path == "points.csv"
    assert target_of(registry, "file:path=points.csv,standardize=columns", "file").standardize == "columns"
    with pytest.raises(
        SuiteError, match=r"'nothing.csv' is no file, no folder and no target; targets: cifar-10, digits"
    ):
        target_of(registry, "nothing.csv", "file")
    with pytest.raises(SuiteError, match="2 components"):
        target_of(registry, "gaussian:dim=3,4", "file")
