"""Courses: a network to be trained stays the same whatever form its table has."""

import pickle

from harness_karras.networks import Mlp
from harness_synthetic.targets import Ring
from harness_wang.weightings import BellShaped

from harness.engine.courses import Course, Learner


def test_a_learner_changes_its_table_alone():
    planned = Learner(BellShaped(), "key", 3, ("short", "long"), ("way", "long way"))
    given = planned.with_table({"density": [1.0]})
    assert given.table == {"density": [1.0]}
    assert given.with_table("key") == planned


def test_networks_of_one_course_are_those_that_share_everything_but_themselves():
    one, same = (Course(Ring(), Mlp(), (3, 5), None) for _ in range(2))
    others = [Course(Ring(), Mlp(width=9), (3, 5), None), Course(Ring(), Mlp(), (5,), None)]
    assert len({one, same, *others}) == 3
    assert pickle.loads(pickle.dumps(one)) == one
