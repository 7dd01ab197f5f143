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


def of_our_own(registry, axis):
    """The classes of an axis by name, but those that run another project's library, which may not be installed."""
    return {name: cls for name, cls in registry.classes(axis).items() if cls.library is None}


def offered(registry, axis):
    """The variants of every component of an axis that is our own and needs no parameter."""
    classes = of_our_own(registry, axis).values()
    free = [cls for cls in classes if not any(field.is_required() for field in cls.model_fields.values())]
    return [each for cls in free for each in variants(cls)]


def failed(properties):
    """What does not hold, in words; a component of which nothing is measured fails."""
    return [str(each) for each in properties if each.verdict == "fail"] or ([] if properties else ["nothing measured"])
