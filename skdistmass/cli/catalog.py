"""The command ``skdistmass catalog``: from a survey table to its catalogue."""

from __future__ import annotations

import argparse
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import Any

from skdistmass.cli.output import Result, positive, set_examples
from skdistmass.cli.report import default_page
from skdistmass.cli.simulate import DEFAULT_STARS, DEFAULT_SURVEY, write_survey
from skdistmass.survey.options import CatalogOptions

_LOG = logging.getLogger("skdistmass.progress")

DEFAULT_CATALOG = "skdistmass-catalog.fits"

_MODEL = {"metavar": "MODEL"}
# Flags of the fields of `CatalogOptions`, which has their defaults, choices and help.
_FLAGS: dict[str, tuple[str, dict[str, Any]]] = {
    "columns": ("--columns", {}),
    "distance": ("--distance-model", _MODEL),
    "masses": ("--mass-model", _MODEL | {"action": "append"}),
    "age": ("--age-model", _MODEL),
    "isochrone": ("--no-isochrone", {"action": "store_false"}),
    "trusted": ("--trust-models", {"action": "store_true"}),
    "label_scale": ("--label-scale", {"metavar": "NAME|FILE"}),
    "extinction_rule": ("--extinction-rule", {}),
    "keep": ("--keep", {"nargs": "+", "metavar": "COLUMN"}),
    "percentiles": ("--percentiles", {"action": "store_true"}),
    "samples": ("--samples", {"type": positive, "metavar": "N"}),
    "sfd_coefficient": ("--sfd-coefficient", {"type": float, "metavar": "A_K/E(B-V)"}),
}


def add_catalog_arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of ``catalog``.

    Parameters
    ----------
    command : argparse.ArgumentParser
        Parser of the command.
    """
    command.description = (
        "Build the catalogue of a survey table: distances, masses and ages with errors and flags. "
        f"Without INPUT, of a simulated survey of {DEFAULT_STARS} stars."
    )
    command.add_argument(
        "input",
        nargs="?",
        metavar="INPUT",
        help="survey table: FITS, CSV, ECSV, VOTable, Parquet, a folder of Parquet files or a HATS catalogue",
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="OUTPUT",
        help="catalogue: FITS, ECSV, VOTable or Parquet, or a folder (default: INPUT-distmass.fits)",
    )
    command.add_argument("--overwrite", action="store_true", help="replace an existing output")
    command.add_argument(
        "--report", action="store_true", help="also write a page about it, OUTPUT-report.html (see `report`)"
    )
    group = command.add_argument_group("models and rules")
    options = {field.name: field for field in fields(CatalogOptions)}
    for name, (flag, settings) in _FLAGS.items():
        default = None if name == "masses" else options[name].default
        group.add_argument(flag, dest=name, default=default, **options[name].metadata, **settings)
    _add_size_arguments(command.add_argument_group("large tables"))
    set_examples(
        command,
        ("a first look, on simulated stars", "skdistmass catalog"),
        ("your table", "skdistmass catalog allStar-dr17-synspec_rev1.fits -o distmass.fits"),
        (
            "as Parquet, without isochrone distances",
            "skdistmass catalog stars.csv -o distances.parquet --no-isochrone",
        ),
        ("labels of DR16", "skdistmass catalog allStar-r12-l33.fits --label-scale dr16-giants"),
        ("a folder of Parquet files on 8 cores", "skdistmass catalog stars/ -o catalogue/ --workers 8"),
    )
    command.set_defaults(run=run_catalog)


def _add_size_arguments(group: Any) -> None:
    group.add_argument(
        "--chunk-rows",
        type=positive,
        metavar="N",
        help="rows in memory at a time; the catalogue does not depend on it (default: 131072)",
    )
    group.add_argument("--scheduler", metavar="ADDRESS", help="run on the Dask cluster with this scheduler")
    group.add_argument("--workers", type=positive, metavar="N", help="run on N Dask workers of this machine")


def run_catalog(args: argparse.Namespace) -> Result:
    """Write the catalogue.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.

    Returns
    -------
    Result
        Its summary.
    """
    from skdistmass.report import CatalogSummary

    source, output = args.input or DEFAULT_SURVEY, args.output or _default_output(args.input)
    on_cluster = bool(args.scheduler or args.workers)
    # What can be wrong with the arguments is told before anything heavy is imported or started.
    _check_arguments(args, source, output, on_cluster)
    page = _checked_page(output, args.overwrite) if args.report else None
    written = [output]
    if args.input is None:
        written = [*write_survey(DEFAULT_SURVEY, overwrite=args.overwrite), output]
    options = {name: getattr(args, name) for name in _FLAGS}
    if options["masses"] is None:
        del options["masses"]
    if args.chunk_rows is not None:
        options["chunk_rows"] = args.chunk_rows
    from skdistmass.survey.catalog import write_catalog

    summary = CatalogSummary()
    with _terminated_as_interrupted(), _cluster(args) if on_cluster else nullcontext() as client:
        write_catalog(
            source, output, overwrite=args.overwrite, observe=summary.update, client=client, **options
        )
    if page is not None:
        from skdistmass.report import write_report

        written.append(str(write_report(output, page, overwrite=args.overwrite)))
    text = "\n".join([summary.text(), *(f"wrote {path}" for path in written)])
    return Result(text, {"input": source, "outputs": written, **summary.data()})


def _check_arguments(args: argparse.Namespace, source: str, output: str, on_cluster: bool) -> None:
    from skdistmass.models.label_scales import read_scales
    from skdistmass.models.load import check_name, read_registry
    from skdistmass.survey.options import check_target
    from skdistmass.tables.open import check_input

    check_target(source, output, args.overwrite, None, on_cluster)
    if args.input is not None:
        check_input(args.input)
    registry = read_registry()
    for name in (args.distance, *(args.masses or ()), args.age):
        check_name(name, registry)
    if args.label_scale is not None:
        check_name(args.label_scale, read_scales())


def _checked_page(output: str, overwrite: bool) -> Path:
    """Place of the page beside the catalogue, before the work that fills it."""
    from skdistmass.report.libraries import require_libraries
    from skdistmass.tables.atomic import check_file

    require_libraries()
    return check_file(Path(output).parent / default_page(output), overwrite)


def _default_output(source: str | None) -> str:
    if source is None:
        return DEFAULT_CATALOG
    return f"{Path(Path(source).name.removesuffix('.gz')).stem}-distmass.fits"


@contextmanager
def _cluster(args: argparse.Namespace) -> Iterator[Any]:
    from skdistmass.survey.dask import connect

    with connect(args.scheduler, args.workers) as client:
        _LOG.info("Dask dashboard at %s", client.dashboard_link)
        yield client


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let the process clean up when it is told to end, as batch systems do when its time is over."""

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:  # Not the main thread, which alone hears signals.
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
