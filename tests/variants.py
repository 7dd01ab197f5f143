"""Components as they come, and with each other choice that they offer."""

from typing import Literal, get_args, get_origin


def words(field):
    """The values of a parameter that is a choice of words."""
    return get_args(field.annotation) if get_origin(field.annotation) is Literal else ()


def variants(cls, choices=words):
    """A component with its defaults, and one for each other value that a parameter is given a choice of."""
    others = [
        cls(**{name: v}) for name, field in cls.model_fields.items() for v in choices(field) if v != field.default
    ]
    return [cls(), *others]


def offered(registry, axis):
    """The variants of every component of an axis that is installed and needs no parameter."""
    classes = registry.classes(axis).values()
    free = [cls for cls in classes if not any(field.is_required() for field in cls.model_fields.values())]
    return [each for cls in free for each in variants(cls)]


def failed(properties):
    """What does not hold, in words; a component of which nothing is measured fails."""
    return [str(each) for each in properties if each.verdict == "fail"] or ([] if properties else ["nothing measured"])
