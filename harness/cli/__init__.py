"""The command line. Every expected mistake ends in one line and exit status 2."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

import click

from harness import __version__
from harness.cli import installed

if TYPE_CHECKING:
    from click import Command, Context, HelpFormatter

COMMANDS = {
    "run": ("harness.cli.run:command", "Train, sample and rank every combination of a suite."),
    "recommend": ("harness.cli.recommend:command", "Say what to use on your data, how sure, and what else costs."),
    "suites": ("harness.cli.suites:command", "List the suites that ship, and what each asks."),
    "plan": ("harness.cli.plan:command", "Say what a run would do, and how long it would take."),
    "rank": ("harness.cli.rank:command", "Show the leaderboard of a result directory."),
    "publish": ("harness.cli.publish:command", "Write a leaderboard as JSON, a page and its plots."),
    "site": ("harness.cli.site:command", "Write published leaderboards as a site of static pages."),
    "verify": ("harness.cli.verify:command", "Say whether a published leaderboard is what it says."),
    "submit": ("harness.cli.submit:command", "Write a leaderboard as a bundle that can be handed in."),
    "diff": ("harness.cli.diff:command", "Say what changed from one leaderboard to another."),
    "merge": ("harness.cli.merge:command", "Put parts of one suite, run apart, into one directory."),
    "sample": ("harness.cli.sample:command", "Draw samples of a design that a run has ranked."),
    "export": ("harness.cli.export:command", "Write a ranked design as the code of another project takes it."),
    "grid": ("harness.cli.grid:command", "Lay out the best noise levels for a network trained elsewhere."),
    "certify": ("harness.cli.certify:command", "Measure what components claim, and say which of them holds."),
    "new-plugin": ("harness.cli.new_plugin:command", "Write a plugin package with one component, to begin with."),
    "plugins": ("harness.cli.plugins:command", "List the installed plugins, and what is wrong with any."),
    "show": ("harness.cli.show:command", "Explain a component: parameters, formula, source."),
}
"""The harness's own subcommands: where each lives, and what it does in one line. `--help` imports none of them, nor
any that an installed package adds."""

LISTS = "suites are listed by: harness suites, components by: harness plugins"
"""What is told to whoever asks for a list of nothing in particular."""

INTERRUPTED, BROKEN_PIPE, BUG = 130, 141, 70


def _debug(kind: type[click.Option] = click.Option) -> click.Option:
    return kind(["--debug"], is_flag=True, expose_value=False, help="Show the traceback of an error.")


class _ReaderGone(Exception):
    """Whoever read our output has closed it."""


class _Ended(KeyboardInterrupt):
    """A signal asks the process to end; like an interrupt, no `except Exception` may catch it."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class LazyGroup(click.Group):
    """A group that imports a subcommand when it is called, and tells every error in one line."""

    def list_commands(self, ctx: Context) -> list[str]:
        """Return the names of the subcommands: the harness's own in the order of use, then those of packages."""
        return [*COMMANDS, *installed.commands(COMMANDS)]

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """Import and return a subcommand."""
        command = _own(cmd_name) if cmd_name in COMMANDS else _installed(ctx, cmd_name)
        if command is not None:
            self.commands[cmd_name] = command
            if not any("--debug" in parameter.opts for parameter in command.params):
                from harness.commands import LocalOption  # not above: the help must not wait for it

                command.params.append(_debug(LocalOption))
        return command

    def resolve_command(self, ctx: Context, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Find the subcommand; an unknown one is told with its candidates."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            known = self.list_commands(ctx)
            if args[0] not in known:
                from harness.errors import did_you_mean

                several = [name for name in known if name.endswith(f"/{args[0]}")]
                hint = f"write {' or '.join(several)}" if several else did_you_mean(args[0], known)
                hint = LISTS if args[0] in ("list", "ls") else hint
                raise click.UsageError(f"no command {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the list of subcommands without importing them."""
        own = [(name, text) for name, (_, text) in COMMANDS.items()]
        further = [(name, added.described()) for name, added in installed.commands(COMMANDS).items()]
        with formatter.section("Commands"):
            formatter.write_dl([*own, *further])

    def invoke(self, ctx: Context) -> Any:
        """Run the subcommand; a reader that is gone is told apart from failures, which click would not do."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise _ReaderGone from error


def _own(name: str) -> Command:
    import importlib

    module, _, attribute = COMMANDS[name][0].partition(":")
    command: Command = getattr(importlib.import_module(module), attribute)
    return command


def _installed(ctx: Context | None, name: str) -> Command | None:
    """Return a package's command; where a shell completes words, one that cannot be loaded does nothing."""
    added = installed.commands(COMMANDS).get(name)
    if added is None:
        return None
    try:
        return added.command()
    except installed.InstalledError:
        if ctx is not None and ctx.resilient_parsing:
            return click.Command(name)
        raise


def _tell(error: BaseException, resumes: bool) -> int:
    """Print the one line of an error and return the exit status; `resumes` says whether the command could go on."""
    from harness import limits
    from harness.errors import HarnessError

    if isinstance(error, _ReaderGone | BrokenPipeError):
        # Whatever is still buffered goes nowhere, and Python's own complaint at exit with it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    stopped = error if isinstance(error, KeyboardInterrupt) else error.__cause__
    if isinstance(stopped, KeyboardInterrupt):
        what, status = ("ended", 128 + stopped.number) if isinstance(stopped, _Ended) else ("interrupted", INTERRUPTED)
        return _complain(what + ("; the same command goes on where it stopped" if resumes else ""), status)
    if isinstance(error, click.Abort):
        return _complain("aborted", 2)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        print(error.format_message(), file=sys.stderr)
        return error.exit_code
    if isinstance(error, click.NoSuchOption) and error.ctx is not None:
        from harness.errors import did_you_mean

        known = [name for parameter in error.ctx.command.params for name in parameter.opts if name.startswith("--")]
        told = f"no such option {error.option_name!r}; {did_you_mean(error.option_name.lstrip('-'), known)}"
        return _complain(f"{told} (see {error.ctx.command_path} --help)", error.exit_code)
    if isinstance(error, click.UsageError):
        command = error.ctx.command_path if error.ctx else "harness"
        return _complain(f"{_lower(error.format_message())} (see {command} --help)", error.exit_code)
    if isinstance(error, click.ClickException):
        return _complain(error.format_message(), 2)
    if isinstance(error, HarnessError):
        return _complain(str(error), error.exit_status)
    limit = limits.reached(error)
    end = f"; {limit}" if limit else ""
    if isinstance(error, OSError) and error.strerror:
        where = f"{error.filename}: " if error.filename else ""
        return _complain(f"{where}{error.strerror}{end}", 2)
    if limit:
        return _complain(f"{' '.join(str(error).split())[:120]}{end}", 2)
    what = f"{type(error).__name__}: {error}"
    from harness.cli.hiding import hiding_file

    if hiding := hiding_file(error):
        return _complain(f"{hiding} ({what})", 2)
    return _complain(f"unexpected error: {what} (--debug shows where)", BUG)


def _complain(text: str, status: int) -> int:
    from harness.errors import harmless, shortened

    print(shortened(f"harness: {harmless(text)}"), file=sys.stderr)
    return status


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")


def _answer_signals() -> dict[signal.Signals, Any]:
    """Let the signals that ask a process to end do so as an interrupt does; return what answered them before."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    asked = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    ours = [number for number in asked if signal.getsignal(number) == signal.SIG_DFL]

    def end(number: int, frame: object) -> None:
        raise _Ended(number)

    return {number: signal.signal(number, end) for number in ours}


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}, params=[_debug()])
@click.version_option(__version__, prog_name="harness", message="%(prog)s %(version)s")
def group() -> None:
    """Measure the design space of diffusion models.

    Every weighting, noise schedule, time discretization, network and sampler, trained, sampled and ranked
    beside the theory.
    """


def main(args: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 some combinations failed, 2 a mistake of the user's."""
    words = list(sys.argv[1:] if args is None else args)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            # The shell closed it (>&-); a file opened later must not take its number.
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        # What the encoding of the terminal lacks is replaced; it is no reason to lose a table.
        if isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    handlers = _answer_signals()
    try:
        result = group.main(words, "harness", standalone_mode=False)
        sys.stdout.flush()
    except SystemExit:
        raise
    except BaseException as error:
        if "--debug" in words and not isinstance(error, click.ClickException | _ReaderGone):
            raise
        called = next((word for word in words if not word.startswith("-")), "")
        sys.exit(_tell(error, getattr(group.commands.get(called), "resumes", False)))
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    sys.exit(result if isinstance(result, int) else 0)
