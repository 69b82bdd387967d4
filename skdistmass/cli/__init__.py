"""The command ``skdistmass``. Heavy modules are imported where they are used: ``--help`` answers at once."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

from skdistmass._version import __version__
from skdistmass.cli.catalog import add_catalog_arguments
from skdistmass.cli.completion import add_completion_option
from skdistmass.cli.models import add_models_arguments
from skdistmass.cli.output import COMMON_DEFAULTS, add_common_options, complain, messages, show
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


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of the command.

    Returns
    -------
    argparse.ArgumentParser
        With a parser for each subcommand.
    """
    parser = argparse.ArgumentParser(
        prog="skdistmass",
        description="Distances, masses and ages of survey stars from five numbers of their spectra.",
        epilog="`skdistmass COMMAND --help` shows the options of a command, with examples.",
    )
    parser.add_argument("--version", action="version", version=f"skdistmass {__version__}")
    add_completion_option(parser)
    parser.set_defaults(**COMMON_DEFAULTS)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (help_text, add_arguments) in _COMMANDS.items():
        command = commands.add_parser(name, help=help_text)
        add_arguments(command)
        add_common_options(command)
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
    start, args = time.monotonic(), make_parser().parse_args(argv)
    with messages(args):
        try:
            result = args.run(args)
        except KeyboardInterrupt as interruption:
            complain("interrupted", interruption, args)
            return 130
        except Exception as error:
            if args.debug:
                raise
            complain(f"error: {error}", error, args)
            return 1
    show(result, args, time.monotonic() - start)
    return 0
