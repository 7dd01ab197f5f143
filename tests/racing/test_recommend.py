"""Recommendations and races of suites, carried out: small ones, from the shell and in Python."""

import json
import math
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import shell
from harness_data.targets import File
from small_space import SPACE
from suite_files import write_suite

import harness
from harness.errors import HarnessError
from harness.planning.plan import Plan
from harness.racing.answered import changed_data
from harness.racing.carried_out import Opening
from harness.racing.recommend import Question, named_directory, recommend
from harness.racing.until_settled import run_until_settled, with_seeds
from harness.results.kept_data import kept_target
from harness.results.read_board import read_document
from harness.results.recommendation import FILE, Recommendation, read_answer
from harness.running.runner import Options
from harness.store import CHECKPOINTS, DATABASE, Store
from harness.suites.model import Suite
from harness.suites.spaces import Space


@pytest.fixture(scope="module")
def made(tmp_path_factory, registry):
    """A result directory, its recommendation, and the question."""
    folder = tmp_path_factory.mktemp("recommended")
    rng = np.random.default_rng(0)
    np.save(folder / "points.npy", rng.normal(size=(300, 2)) @ [[1.0, 0.5], [0.0, 0.3]])
    (folder / "space.toml").write_text(SPACE)
    question = Question(str(folder / "points.npy"), space=str(folder / "space.toml"), minutes=5.0)
    options = Options(1, progress=False, command="harness recommend points.npy")
    return folder / "out", recommend(question, registry, folder / "out", options), question, options


def test_it_tells_what_to_take_and_what_else_costs(made):
    _, found, _, _ = made
    axes = {each.axis for each in found.choices}
    assert axes == {"weighting", "preconditioning", "sampler", "time_discretization"}
    assert found.looks == 4
    assert found.rounds[0].over == "trainings"
    assert found.profile.held_out == 60
    assert len(found.best.sigmas) == found.best.steps + 1
    assert found.best.sigmas == sorted(found.best.sigmas, reverse=True)
    for each in found.choices:
        for other in each.alternatives:
            if other.standing == "worse":
                assert other.cost.low > 0
            if other.standing == "dropped":
                assert other.cost.low is None or other.cost.low <= 0
            if other.standing == "ties":
                assert other.cost.high <= 100 * found.margin + 1e-9


def test_it_says_which_rows_it_compared_with(made):
    """A small file has a split for each seed: what differs between rows is in the intervals."""
    _, found, _, _ = made
    assert found.profile.splits > 1
    assert f"{found.profile.held_out} held-out rows a seed, of {found.profile.splits} splits" in found.law
    assert not any("held-out rows for all designs" in sentence for sentence in found.transfer)
    assert not any("levels of its own" in sentence for sentence in found.transfer)  # no grid here asks for the data


def test_it_holds_points_to_look_at(made):
    """Held-out rows as they stand in the file, and samples that are none of them, in its unit."""
    _, found, question, _ = made
    points, shown = np.load(question.data), found.points
    assert shown.axes == ["x1", "x2"]
    assert not shown.components
    assert len(shown.real) == len(shown.generated) == found.profile.held_out
    for row in shown.real:
        assert np.isclose(points, row, rtol=1e-3, atol=1e-3).all(1).any()
    own = np.array(shown.generated)
    assert np.isfinite(own).all()
    assert own.std(0) == pytest.approx(points.std(0), rel=0.7)
    assert found.pictures is None


def test_what_samples_need_of_the_data_lies_beside_it(made):
    directory, found, question, _ = made
    target = File(path=question.data)
    for seed in range(found.seeds):
        kept, own = kept_target(directory, found.best.components["target"].digest, seed), target.for_seed(seed)
        assert kept.distribution().data == own.distribution().data


def test_a_network_that_cannot_be_drawn_from_costs_the_points_alone(made, registry, tmp_path, monkeypatch):
    directory, found, question, options = made
    shutil.copytree(directory, tmp_path / "out")

    def gone(design):
        raise HarnessError("its package is gone")

    monkeypatch.setattr("harness.racing.recommend.drawn_points", gone)
    said = []
    again = recommend(question, registry, tmp_path / "out", replace(options, warn=said.append))
    assert again.points is None
    assert again.best == found.best
    assert "the page will have no picture of samples: its package is gone" in said
    assert Recommendation.read(tmp_path / "out" / FILE) == again


def test_the_document_is_read_as_it_was_written(made):
    directory, found, _, _ = made
    assert Recommendation.read(directory / FILE) == found
    assert json.loads(found.to_json())["schema_version"] == 5


@pytest.mark.parametrize("content", ['{"schema_version": 5, "comm', "[1]", '{"schema_version": 99}'])
def test_what_is_damaged_says_how_it_is_made_again(made, tmp_path, monkeypatch, content):
    for file in (DATABASE, FILE):
        shutil.copy(made[0] / file, tmp_path)
    assert read_answer(tmp_path) == made[1]
    (tmp_path / FILE).write_text(content)
    monkeypatch.chdir(tmp_path)
    for command in ("rank", "export"):
        again = "; to make it again from the stored trainings: harness recommend points.npy --out .\n"
        shell.assert_one_line(shell.called(command, "."), again)
    (tmp_path / DATABASE).unlink()
    with pytest.raises(HarnessError, match="; harness publish writes it again from the result directory"):
        read_answer(tmp_path)


def test_the_leaderboard_beside_it_holds_the_same_best_design(made):
    directory, found, _, _ = made
    board = read_document(directory)
    design = found.best.components
    row = next(r for r in board.rows if all(r.component(a).key == c.key for a, c in design.items() if a != "target"))
    assert row.metrics[found.metric] == found.best.value
    assert {r.metrics[found.metric].n_seeds for r in board.rows} <= {2, 4}
    assert board.environment["looks"] == 4


def test_again_nothing_is_done_twice_and_the_answer_is_the_same(made, registry):
    directory, found, question, options = made
    store = Store.read(directory)
    before = store.index()
    store.close()
    again = recommend(question, registry, directory, options)
    store = Store.read(directory)
    assert store.index() == before
    store.close()
    # What it took, and what more would take by that, is the time of this call.
    assert again.model_copy(update={"minutes": found.minutes, "more_minutes": found.more_minutes}) == found


def test_a_fixed_run_of_the_same_designs_uses_what_the_race_made(made, registry):
    directory, found, question, _ = made
    space = Space.load(question.space)
    suite = space.suite([f"file:path={question.data}"], found.sigma_min, found.sigma_max, space.race.start)
    plan = Plan(suite, registry, space.combinations(suite, registry), directory / CHECKPOINTS)
    store = Store.read(directory)
    known = store.index()
    store.close()
    trained = [key for key in plan.trained_keys() if key in known]
    assert len(trained) >= 2 * 4  # every training with the seeds of the first look, at least


def test_from_the_shell(made, tmp_path):
    directory, found, question, _ = made
    words = ("recommend", question.data, "--space", question.space, "--out", directory, "--workers", "1")
    done = shell.called(*words)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines[:-3])) <= 80
    assert f"This design: {found.metric}" in done.stdout
    # What was there already, each look a line: what is told of the time is that of this call.
    told = re.findall(
        r"^harness: (.*); \d:\d\d spent of 5:00; (?:next (.*), about \d+:\d\d|the race is over)$", done.stderr, re.M
    )
    assert [over for over, _ in told] == [f"{each.over} {each.raced} → {each.left}" for each in found.rounds]
    assert told[-1][1] == ""
    assert all(re.fullmatch(r"\d+ designs with up to [24] seeds", following) for _, following in told[:-1])
    assert "May not transfer" in done.stdout
    shown = shell.called("rank", directory)
    assert shown.stdout.splitlines()[-3:-1] == lines[-7:-5]
    assert lines[-2:] == [
        f"Take it home: harness export {directory} --format edm",
        f"              harness sample {directory} --out samples.npy",
    ]
    table = shell.called("rank", directory, "--suite", "tiny", "--format", "csv")
    assert table.stdout.startswith("rank,")
    page = shell.called("publish", directory, tmp_path / "page")
    assert page.returncode == 0, page.stderr
    text = (tmp_path / "page" / "README.md").read_text()
    assert "# What to use on" in text
    assert Recommendation.read(tmp_path / "page" / FILE).best.value == found.best.value
    refused = shell.called("rank", directory, "--by", "energy")
    shell.assert_one_line(refused, "holds a recommendation, which takes no --by")


def test_what_is_taken_home_is_what_was_recommended(made, tmp_path):
    """Not the first of the board, whose rows have unequal seeds; here a recommendation that is another row."""
    directory, found, _, _ = made
    shutil.copytree(directory, tmp_path / "out")
    rows = [row for row in read_document(directory).rows if not row.called(found.best.components, found.best.steps)]
    other = rows[-1]
    best = found.best.model_copy(
        update={"components": {a: other.component(a) for a in found.best.components}, "steps": other.steps}
    )
    (tmp_path / "out" / FILE).write_text(found.model_copy(update={"best": best}).to_json())
    recommended = json.loads(shell.called("export", tmp_path / "out", "--format", "json").stdout)
    first = json.loads(shell.called("export", tmp_path / "out", "--format", "json", "--rank", "1").stdout)
    assert recommended["components"]["sampler"] == other.component("sampler").name
    assert recommended != first


@pytest.fixture
def slow_trainings(monkeypatch):
    """A plan by which each network takes a minute, and whose trials would find the same."""
    tried = []
    monkeypatch.setattr("harness.planning.costs.Costs.training", lambda self, learners, course: 60.0 * len(learners))
    monkeypatch.setattr("harness.racing.carried_out.calibrate", lambda plan, limit: tried.append(limit))
    return tried


def slower(monkeypatch, times):
    """Let the opening of a race have taken so many times as long as planned."""
    monkeypatch.setattr("harness.racing.carried_out.Opening.slower", property(lambda opening: times))


def test_a_first_round_that_is_longer_than_was_asked_for_is_made_smaller(
    made, registry, tmp_path, slow_trainings, monkeypatch
):
    """Of four trainings of two seeds two begin; the others would take eight minutes, twice what was planned."""
    _, _, question, options = made
    slower(monkeypatch, 2.0)
    said = []
    found = recommend(question, registry, tmp_path / "out", replace(options, warn=said.append))
    (limit,) = slow_trainings
    assert 0 < limit <= 30
    (line,) = said
    told = r"the first round, of 4 designs, would take about 8:\d\d more, of which \d:\d\d are left: it is of 2 of them"
    assert re.match(rf"{told}; work takes 2.0 times as long as planned; all of it would take --minutes 9", line)
    assert [each.over for each in found.rounds][:2] == ["all designs", "trainings"]
    assert (found.rounds[0].raced, found.rounds[0].cut) == (16, 6)
    assert found.rounds[1].raced == 2
    assert not found.settled
    again = recommend(replace(question, minutes=9.0), registry, tmp_path / "out", options)
    assert (again.rounds[0].over, again.rounds[0].raced) == ("trainings", 4)


def test_a_plan_that_says_too_much_makes_no_round_smaller(made, registry, tmp_path, slow_trainings):
    """Eight minutes by the plan, of five; the least that it begins with takes a moment, so the others follow."""
    said = []
    found = recommend(made[2], registry, tmp_path / "out", replace(made[3], warn=said.append))
    assert said == []
    assert Opening([], planned=0.0, ready=4.0).slower == 1.0  # all of it had been done before: it tells nothing
    assert 0.9 < Opening([], 2.0, 1.0, time.monotonic() - 3.0).slower < 2.0
    assert (found.rounds[0].over, found.rounds[0].raced) == ("trainings", 4)
    assert found.best.value == made[1].best.value


def test_where_even_the_smallest_first_round_is_too_long_that_is_said(
    made, registry, tmp_path, slow_trainings, monkeypatch
):
    slower(monkeypatch, 100.0)
    said = []
    found = recommend(replace(made[2], minutes=1.0), registry, tmp_path / "out", replace(made[3], warn=said.append))
    assert said[0].startswith("the least that it begins with, 2 designs, would take about 4:0")
    assert said[0].endswith(" are left; that is longer than was asked for")
    assert "it is of 2 of them; work takes 100.0 times as long as planned; " in said[1]
    assert found.best.value.value > 0


def test_a_directory_that_answers_for_other_data_is_refused(made, registry, tmp_path):
    directory, _, question, options = made
    np.save(tmp_path / "points.npy", np.random.default_rng(1).normal(size=(60, 2)))
    before = (directory / FILE).read_bytes()
    with pytest.raises(HarnessError, match="holds the answer about other data, to harness"):
        recommend(replace(question, data=str(tmp_path / "points.npy")), registry, directory, options)
    assert (directory / FILE).read_bytes() == before


def test_that_another_answer_is_lost_is_told_before(made, registry, tmp_path):
    directory, _, question, options = made
    shutil.copytree(directory, tmp_path / "out")
    said = []
    recommend(question, registry, tmp_path / "out", replace(options, warn=said.append))
    assert said == []
    recommend(replace(question, seeds=2), registry, tmp_path / "out", replace(options, warn=said.append))
    assert said == []
    recommend(
        replace(question, networks=("mlp:width=8",), evaluations=8),
        registry,
        tmp_path / "out",
        replace(options, warn=said.append),
    )
    assert any(
        "holds the answer to another question, harness recommend points.npy: this one's" in line for line in said
    )


def test_that_data_have_changed_under_their_name_is_told(made, registry, tmp_path):
    _, found, _, _ = made
    path, directory = tmp_path / "points.npy", tmp_path / "out"
    np.save(path, np.random.default_rng(0).normal(size=(60, 2)))
    target = registry.reference(File(path=str(path)))
    about = found.model_copy(
        update={"best": found.best.model_copy(update={"components": {**found.best.components, "target": target}})}
    )
    assert changed_data(about, directory, registry) is None
    np.save(path, np.random.default_rng(0).normal(size=(61, 2)))
    told = changed_data(about, directory, registry)
    assert told.startswith(f"{path}, or the code that reads it, has changed since {directory} answered for it: all is")


@pytest.mark.parametrize("minutes", [0.0, -1.0, math.nan])
def test_minutes_that_are_none_are_refused(made, registry, tmp_path, minutes):
    with pytest.raises(HarnessError, match="is no number of minutes; give one above 0"):
        recommend(replace(made[2], minutes=minutes), registry, tmp_path / "out", made[3])


def test_a_metric_that_does_not_apply_says_why(made, registry, tmp_path):
    _, _, question, options = made
    with pytest.raises(HarnessError, match="no design gave a value of label-error: the target has no labels"):
        recommend(replace(question, metric="label-error"), registry, tmp_path / "out", options)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nothing.npy",), "'nothing.npy' is no file, no folder and no target"),
        (("ring,standardize=columns",), "'ring,standardize=columns' is no file, no folder and no target"),
        ((f"{__file__},labels=x",), f"parameters take the target's name: file:path={__file__},labels=x"),
        (("ring", "--network", "mlpp"), "mlpp"),
        (("ring", "--network", "exact"), "network exact is not trained"),
        (("ring", "--metric", "nothing"), "harness: unknown metric 'nothing'; known: "),
        (("ring", "--metric", "memorisation"), "'memorisation' orders no designs"),
        (("ring", "--metric", "mmd:points=100,200"), "'mmd:points=100,200' means 2 metrics; a race is decided by one"),
        (("ring", "--nfe", "3"), "raise --nfe"),
        (("ring", "--space", "nowhere.toml"), "nowhere.toml: cannot be read"),
        (("ring", "--minutes", "0"), "--minutes"),
        (("ring", "--minutes", "nan"), "is no number of minutes"),
    ],
)
def test_a_mistake_ends_in_one_line(words, message, tmp_path):
    shell.assert_one_line(shell.called("recommend", *words, "--out", tmp_path / "out"), message)
    assert not (tmp_path / "out" / FILE).exists()


SUITE = {
    "name": "race",
    "targets": ["ring"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial:rho=1,7", "exponential"],
    "networks": ["exact"],
    "samplers": ["heun", "euler"],
    "metrics": ["sliced-wasserstein"],
    "rank_by": "sliced-wasserstein",
    "steps": [6],
    "seeds": 2,
    "sampling": {"samples": 200},
}


def test_until_settled_seeds_go_to_rows_that_may_be_best(tmp_path, registry):
    suite = Suite.from_mapping(SUITE, "race")
    (end,) = run_until_settled(suite, registry, tmp_path / "out", Options(1, progress=False), most=8)
    board = read_document(tmp_path / "out")
    seeds = {row.rank: row.metrics["sliced-wasserstein"].n_seeds for row in board.rows}
    assert max(seeds.values()) == end.seeds
    assert seeds[max(seeds)] == 2
    assert sum(seeds.values()) < 6 * end.seeds
    best = [row for row in board.rows if row.metrics["sliced-wasserstein"].n_seeds == end.seeds]
    assert len(best) >= end.left


def test_seeds_of_a_suite_go_on_where_it_ends():
    suite = Suite.from_mapping({**SUITE, "seeds": [3, 0]}, "race")
    assert with_seeds(suite, 5).seeds == (3, 0, 1, 2, 4)


def test_a_race_from_the_shell(tmp_path):
    file = write_suite(tmp_path / "race.toml", {**SUITE, "seeds": 2})
    done = shell.called("run", file, "--until-settled", "--out", tmp_path / "out", "--workers", "1")
    assert done.returncode == 0, done.stderr
    assert "Race on ring: " in done.stdout
    assert re.search(r"^harness: designs 6 → \d; \d:\d\d spent; ", done.stderr, re.M)
    shell.assert_one_line(shell.called("run", file, "--minutes", "1", "--out", tmp_path / "b"), "--until-settled")
    one = shell.called("run", file, "--until-settled", "--seeds", "1", "--out", tmp_path / "c")
    shell.assert_one_line(one, "a race begins with 2 seeds at least")


def test_the_same_from_python(made):
    """What the race made is used, and the design is found again, with samples in the units of the data."""
    directory, found, question, _ = made
    again = harness.recommend(
        question.data, space=question.space, minutes=5.0, out=directory, workers=1, progress=False
    )
    assert again.document.best == found.best
    assert again.design.row.metrics[found.metric] == found.best.value
    np.testing.assert_allclose(again.sigmas, found.best.sigmas)
    assert again.sample(5).shape == (5, 2)
    assert "harness" not in str(again).splitlines()[0]
    assert json.loads(again.export("json"))["levels"]


def test_an_array_is_recommended_for(tmp_path, made):
    space = made[2].space
    rows = np.random.default_rng(1).normal(size=(60, 2))
    found = harness.recommend(rows, space=space, out=tmp_path, workers=1, seeds=2, progress=False)
    assert found.document.profile.train == 36
    assert found.design.status == "ok"


def test_images_are_shown_whichever_row_of_its_network_is_best(tmp_path):
    """A leaderboard shows samples of each network's first row alone, which need not be that of the best design."""
    images = np.random.default_rng(2).integers(0, 255, size=(60, 4, 4)).astype(np.uint8)
    (tmp_path / "space.toml").write_text(SPACE)
    space = tmp_path / "space.toml"
    found = harness.recommend(images, space=space, out=tmp_path / "out", workers=1, seeds=2, progress=False).document
    assert found.pictures is not None
    assert found.profile.pictures is not None
    assert len(found.pictures.images) == len(found.profile.pictures.images)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("mine.npy", "recommend-mine"),
        ("file:path=mine.npy,standardize=columns", "recommend-mine"),
        ("file:standardize=columns,path=mine.npy", "recommend-mine"),
        ("gaussian:dim=2", "recommend-gaussian"),
    ],
)
def test_results_lie_where_the_data_are_named_however_they_are_given(tmp_path, monkeypatch, data, name):
    monkeypatch.chdir(tmp_path)
    Path("mine.npy").touch()
    assert named_directory(data) == Path("runs") / name
