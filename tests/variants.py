"""Components as they come, and with each other choice that they offer."""

from typing import Literal, get_args, get_origin


def variants(cls):
    """A component with its defaults, and one for each other value of a parameter that is a choice of words."""
    found = [cls()]
    for name, field in cls.model_fields.items():
        if get_origin(field.annotation) is Literal:
            found += [cls(**{name: word}) for word in get_args(field.annotation) if word != field.default]
    return found


def offered(registry, axis):
    """The variants of every component of an axis that is installed and needs no parameter."""
    classes = registry.classes(axis).values()
    free = [cls for cls in classes if not any(field.is_required() for field in cls.model_fields.values())]
    return [each for cls in free for each in variants(cls)]


def failed(properties):
    """What does not hold, in words; a component of which nothing is measured fails."""
    return [str(each) for each in properties if each.verdict == "fail"] or ([] if properties else ["nothing measured"])
