"""The command ``skdistmass catalog``: from a survey table to its catalogue."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from pathlib import Path

from skdistmass.physics.constants import A_K_PER_E_B_V


def add_catalog_arguments(command):
    """Add the arguments of ``catalog``.

    Parameters
    ----------
    command : argparse.ArgumentParser
        Parser of the command.
    """
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
    _add_model_arguments(command.add_argument_group("models and rules"))
    _add_size_arguments(command.add_argument_group("large tables"))


def _add_model_arguments(group):
    group.add_argument(
        "--columns", choices=("released", "paper", "cas"), default="released", help="naming of the columns"
    )
    name_or_file = "name or file of a model"
    group.add_argument("--distance-model", default="distance", metavar="MODEL", help=name_or_file)
    group.add_argument(
        "--mass-model",
        action="append",
        metavar="MODEL",
        help=f"{name_or_file}; may be repeated (default: mass and the six label sets)",
    )
    group.add_argument("--age-model", default="age", metavar="MODEL", help=name_or_file)
    group.add_argument("--no-isochrone", action="store_true", help="leave out the isochrone distances")
    group.add_argument(
        "--trust-models", action="store_true", help="unpickle model files that are not shipped"
    )
    group.add_argument(
        "--extinction-rule",
        choices=("survey", "paper"),
        default="survey",
        help="how A_K is chosen (default: survey)",
    )
    group.add_argument(
        "--sfd-coefficient",
        type=float,
        default=A_K_PER_E_B_V,
        metavar="A_K/E(B-V)",
        help=f"for the dust map (default: {A_K_PER_E_B_V})",
    )


def _add_size_arguments(group):
    group.add_argument(
        "--chunk-rows",
        type=int,
        metavar="N",
        help="rows in memory at a time; the catalogue does not depend on it (default: 131072)",
    )
    group.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="run on the Dask cluster with this scheduler, from a folder to a folder",
    )
    group.add_argument("--workers", type=int, metavar="N", help="run on N Dask workers of this machine")


def run_catalog(args, source, output) -> str:
    """Run the command.

    Parameters
    ----------
    args : argparse.Namespace
        Its arguments.
    source, output : str
        Survey table and catalogue.

    Returns
    -------
    str
        Summary of the catalogue.
    """
    from skdistmass.report import CatalogSummary
    from skdistmass.survey.models import DEFAULT_MASSES

    options = {
        "distance": args.distance_model,
        "masses": args.mass_model or DEFAULT_MASSES,
        "age": args.age_model,
        "isochrone": not args.no_isochrone,
        "extinction_rule": args.extinction_rule,
        "sfd_coefficient": args.sfd_coefficient,
        "columns": args.columns,
        "trusted": args.trust_models,
        "overwrite": args.overwrite,
    }
    summary = CatalogSummary()
    run = _run_on_cluster if needs_cluster(args, source, output) else _run_here
    run(args, source, output, options, summary.update)
    return summary.text()


def needs_cluster(args, source, output) -> bool:
    """Tell whether Dask makes the catalogue: because of its options, or from a folder to a folder.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.
    source, output : str or None
        Survey table and catalogue.

    Returns
    -------
    bool
        True if so.
    """
    folders = source is not None and Path(source).is_dir() and not Path(output).suffix
    return bool(folders or args.scheduler or args.workers)


def _run_here(args, source, output, options, observe):
    from skdistmass.survey.chunks import parts_folder, write_catalog

    if args.chunk_rows is not None:
        options["chunk_rows"] = args.chunk_rows
    try:
        with _terminated_as_interrupted():
            write_catalog(source, output, observe=observe, **options)
    except KeyboardInterrupt:
        if (parts := parts_folder(output)).exists():
            sys.stderr.write(
                f"skdistmass: finished rows are in {parts}; the same command goes on after them\n"
            )
        raise


def _run_on_cluster(args, source, output, options, observe):
    from skdistmass.survey.dask import connect, write_distributed
    from skdistmass.survey.read_catalog import catalog_numbers

    if args.chunk_rows is not None:
        options["partition_rows"] = args.chunk_rows
    with connect(args.scheduler, args.workers):
        write_distributed(source, output, **options)
    for columns in catalog_numbers(output):
        observe(columns)


@contextmanager
def _terminated_as_interrupted():
    """Let the process clean up when it is told to end, as batch systems do when its time is over."""

    def interrupt(number, frame):
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
