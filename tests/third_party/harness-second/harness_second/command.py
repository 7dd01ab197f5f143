"""List what papers say in passing."""

from __future__ import annotations

import click

from harness.errors import HarnessError


@click.command("remarks")
@click.option("--about", default="", help="Only those with this word.")
def command(about: str) -> None:
    """List the remarks of all installed papers."""
    from harness.registry.discovery import load

    registry = load()
    found = [f"{registry.label(cls())}: {cls.text}" for cls in registry.classes("remark").values() if about in cls.text]
    if not found:
        raise HarnessError(f"no remark about {about!r}")
    click.echo("\n".join(found))
