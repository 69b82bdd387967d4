"""What every subcommand has in common: results in words or as JSON, messages, and how much of them."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skdistmass.progress import quiet, write_line

_PACKAGE = "skdistmass"


@dataclass(frozen=True)
class Result:
    """Result of a subcommand.

    Parameters
    ----------
    text : str
        For people.
    data : dict
        For machines: what JSON knows, and paths.
    is_answer : bool, default=False
        Whether it is what the user asked for, shown with ``--quiet`` too, rather than a summary of work.
    """

    text: str
    data: dict[str, Any]
    is_answer: bool = False


def add_common_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that every subcommand has.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Parser of the subcommand.
    """
    # Without defaults: a parser inside a parser would replace what the outer one has read.
    group = parser.add_argument_group("messages", argument_default=argparse.SUPPRESS)
    group.add_argument(
        "-v",
        "--verbose",
        action="count",
        help="say which columns are used, which rules apply, and more; -vv for all",
    )
    group.add_argument("-q", "--quiet", action="store_true", help="nothing but errors")
    group.add_argument("--json", action="store_true", help="print the summary as JSON")
    group.add_argument("--debug", action="store_true", help="show the traceback of an error")


COMMON_DEFAULTS: dict[str, Any] = {"verbose": 0, "quiet": False, "json": False, "debug": False}
"""Values of the common options that are not given."""


def set_examples(parser: argparse.ArgumentParser, *examples: tuple[str, str]) -> None:
    """Show examples below the help of a subcommand.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Parser of the subcommand.
    *examples : (str, str)
        What is wanted, and the command for it.
    """
    lines = [f"  {wish}:\n    {command}" for wish, command in examples]
    parser.epilog = "\n".join(["examples:", *lines])
    parser.formatter_class = argparse.RawDescriptionHelpFormatter


def positive(text: str) -> int:
    """Read a positive integer.

    Parameters
    ----------
    text : str
        What the user wrote.

    Returns
    -------
    int
        The number.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is none.
    """
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def show(result: Result | None, args: argparse.Namespace, seconds: float) -> None:
    """Print a result as the options ask for.

    Parameters
    ----------
    result : Result or None
        The result.
    args : argparse.Namespace
        Arguments of the command.
    seconds : float
        Time that it took.
    """
    if result is None:
        return
    if args.json:
        _print_json({"command": args.command, **result.data, "seconds": round(seconds, 3)})
    elif result.is_answer or not args.quiet:
        sys.stdout.write(f"{result.text}\n")


def complain(message: str, error: BaseException, args: argparse.Namespace) -> None:
    """Tell of an error, and the notes that say how to go on after it.

    Parameters
    ----------
    message : str
        What went wrong.
    error : BaseException
        The error.
    args : argparse.Namespace
        Arguments of the command; with ``--json`` the error is an object on standard output as well.
    """
    notes = list(getattr(error, "__notes__", ()))
    sys.stderr.writelines(f"skdistmass: {line}\n" for line in (message, *notes))
    if args.json:
        what = {"type": type(error).__name__, "message": str(error), "notes": notes}
        _print_json({"command": args.command, "error": what})


def _print_json(data: dict[str, Any]) -> None:
    from skdistmass._version import __version__

    full = {"skdistmass": __version__, **data}
    sys.stdout.write(f"{json.dumps(full, default=_plain, allow_nan=False)}\n")


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value.tolist()


class _Terminal(logging.Handler):
    """Messages of the package on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a message.

        Parameters
        ----------
        record : logging.LogRecord
            The message.
        """
        write_line(f"skdistmass: {self.format(record)}")


@contextmanager
def messages(args: argparse.Namespace) -> Iterator[None]:
    """Bring messages and warnings to the terminal, as many as the options ask for.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.

    Yields
    ------
    None
    """
    package, stages = logging.getLogger(_PACKAGE), logging.getLogger(f"{_PACKAGE}.progress")
    levels = package.level, stages.level
    handler = _Terminal()
    package.addHandler(handler)
    if args.quiet:
        package.setLevel(logging.ERROR)
    else:
        package.setLevel({0: logging.WARNING, 1: logging.INFO}.get(args.verbose, logging.DEBUG))
        stages.setLevel(logging.DEBUG if args.verbose > 1 else logging.INFO)
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        if args.quiet:
            stack.enter_context(quiet())
            warnings.simplefilter("ignore")
        else:
            _show_warnings_of_the_package(package)
        try:
            yield
        finally:
            package.removeHandler(handler)
            package.setLevel(levels[0])
            stages.setLevel(levels[1])


def _show_warnings_of_the_package(log: logging.Logger) -> None:
    """Show our own warnings as messages; those of other packages look as Python shows them."""
    as_python_does = warnings.showwarning

    def show_warning(message: Any, category: Any, filename: str, lineno: int, *rest: Any) -> None:
        if category.__module__.split(".")[0] == _PACKAGE:
            log.warning("%s", message)
        else:
            as_python_does(message, category, filename, lineno, *rest)

    warnings.showwarning = show_warning  # type: ignore[assignment]  # it takes the rest as it comes
