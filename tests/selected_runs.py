"""Runs of one suite, whole and in selections, each carried out once."""

import harness
from harness.running.in_process import in_process


def each_once(suite, folder):
    """Return a function that runs a suite's file, or a selection from it, into a folder; it returns the directory."""
    made = {}

    def of(**selection):
        name = "-".join(["out", *map(str, selection.values())]).translate(dict.fromkeys(map(ord, "[]\\', :=")))
        if name not in made:
            made[name] = folder / name
            harness.run(suite, out=made[name], executor=in_process, progress=False, **selection)
        return made[name]

    return of
