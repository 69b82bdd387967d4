"""The command ``skdistmass report``: the page of a catalogue."""

from __future__ import annotations

import argparse
from pathlib import Path

from skdistmass.cli.output import Result, set_examples


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
    command.add_argument(
        "--compare", metavar="OTHER", help="catalogue of others as published, such as astroNN or StarHorse"
    )
    command.add_argument(
        "--on", default="APOGEE_ID", metavar="ID", help="identifier that both have (default: APOGEE_ID)"
    )
    command.add_argument("--overwrite", action="store_true", help="replace an existing page")
    set_examples(
        command,
        ("a page about a catalogue", "skdistmass report distmass.fits"),
        (
            "with what your own model reached on its test stars",
            "skdistmass report distmass.fits --training my-mass.joblib -o report.html",
        ),
        (
            "beside the ages of astroNN",
            "skdistmass report distmass.fits --compare apogee_astroNN-DR17.fits --on APOGEE_ID",
        ),
    )
    command.set_defaults(run=run_report)


def run_report(args: argparse.Namespace) -> Result:
    """Write the page.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.

    Returns
    -------
    Result
        What was written.
    """
    from skdistmass.report.libraries import require_libraries
    from skdistmass.tables.atomic import check_file
    from skdistmass.tables.open import check_input

    # What can be wrong with the arguments is told before anything heavy is imported.
    output = args.output or default_page(args.catalog)
    require_libraries()
    check_input(args.catalog)
    if args.compare is not None:
        check_input(args.compare)
    check_file(output, args.overwrite)
    from skdistmass.report import write_report

    options = {name: getattr(args, name) for name in ("training", "compare", "on", "overwrite")}
    write_report(args.catalog, output, **options)
    return Result(f"wrote {output}", {"input": args.catalog, "outputs": [output]})


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
