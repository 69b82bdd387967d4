"""The command ``skdistmass``. Heavy modules are imported where they are used: ``--help`` answers at once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from skdistmass._version import __version__
from skdistmass.cli.catalog import add_catalog_arguments
from skdistmass.cli.models import add_models_arguments
from skdistmass.cli.report import add_report_arguments
from skdistmass.cli.simulate import add_simulate_arguments
from skdistmass.cli.train import add_train_arguments

_COMMANDS = {
    "catalog": ("build the catalogue of a survey table", add_catalog_arguments),
    "train": ("train a model on stars of known distance or mass", add_train_arguments),
    "report": ("write a page about a catalogue", add_report_arguments),
    "models": ("list the shipped models, or show one's card", add_models_arguments),
    "simulate": ("write a simulated survey with known truth", add_simulate_arguments),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="skdistmass",
        description="Distances, masses and ages of survey stars from five numbers of their spectra.",
    )
    parser.add_argument("--version", action="version", version=f"skdistmass {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (help_text, add_arguments) in _COMMANDS.items():
        command = commands.add_parser(name, help=help_text)
        add_arguments(command)
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : list of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        Exit code: 0, 1 after an error, 130 after an interruption; usage errors exit with 2.
    """
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except KeyboardInterrupt as interruption:
        _complain("interrupted", interruption)
        return 130
    except Exception as error:
        if args.debug:
            raise
        _complain(f"error: {error}", error)
        return 1
    return 0


def _complain(message: str, error: BaseException) -> None:
    """Tell of an error, and the notes that say how to go on after it."""
    sys.stderr.writelines(f"skdistmass: {line}\n" for line in (message, *getattr(error, "__notes__", ())))
