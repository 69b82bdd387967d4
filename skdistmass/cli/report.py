"""The command ``skdistmass report``: the page of a catalogue."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_report_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of ``report``.

    Parameters
    ----------
    command : argparse.ArgumentParser
        Parser of the command.
    """
    command.description = (
        "Write one HTML page about a catalogue: what it holds, why not all, accuracy, figures, diagrams to "
        "click in. It needs no network."
    )
    command.add_argument("catalog", metavar="CATALOG", help="catalogue in any format and naming")
    command.add_argument(
        "-o", "--output", metavar="PAGE", help="page to write (default: CATALOG-report.html)"
    )
    command.add_argument("--training", metavar="MODEL", help="model, by name or file, whose tests to show")
    command.add_argument("--overwrite", action="store_true", help="replace an existing page")
    command.set_defaults(run=run_report)


def run_report(args: argparse.Namespace) -> None:
    """Write the page.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.
    """
    from skdistmass.report.page import write_report

    output = args.output or default_page(args.catalog)
    write_report(args.catalog, output, training=args.training, overwrite=args.overwrite)
    sys.stdout.write(f"wrote {output}\n")


def default_page(catalog: str) -> str:
    """Name the page of a catalogue.

    Parameters
    ----------
    catalog : str
        Its file or folder.

    Returns
    -------
    str
        Name of a file in the working directory.

    Examples
    --------
    >>> default_page("made/distmass.fits.gz")
    'distmass-report.html'
    """
    return f"{Path(Path(catalog).name.removesuffix('.gz')).stem}-report.html"
