"""The command ``skdistmass``. Heavy modules are imported where they are used: ``--help`` answers at once."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from skdistmass._version import __version__
from skdistmass.cli.catalog import add_catalog_arguments, needs_cluster, run_catalog
from skdistmass.cli.train import add_train_arguments

DEFAULT_STARS = 5000
DEFAULT_SURVEY = "skdistmass-survey.fits"
DEFAULT_CATALOG = "skdistmass-catalog.fits"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="skdistmass",
        description="Distances, masses and ages of survey stars from five numbers of their spectra.",
    )
    parser.add_argument("--version", action="version", version=f"skdistmass {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_catalog(commands)
    add_train_arguments(commands.add_parser("train", help="train a model on stars of known distance or mass"))
    _add_models(commands)
    _add_simulate(commands)
    for command in commands.choices.values():
        command.add_argument("--debug", action="store_true", help="show the traceback of an error")
    return parser


def _add_catalog(commands):
    command = commands.add_parser(
        "catalog",
        help="build the catalogue of a survey table",
        description="Build the catalogue of a survey table: distances, masses and ages with errors and "
        f"flags. Without INPUT, of a simulated survey of {DEFAULT_STARS} stars.",
    )
    add_catalog_arguments(command)
    command.set_defaults(run=_run_catalog)


def _add_models(commands):
    command = commands.add_parser("models", help="list the shipped models, or show one's card")
    command.add_argument("name", nargs="?", metavar="NAME", help="model whose card to show")
    command.set_defaults(run=_run_models)


def _add_simulate(commands):
    command = commands.add_parser("simulate", help="write a simulated survey with known truth")
    command.add_argument(
        "-n", "--stars", type=int, default=DEFAULT_STARS, help=f"rows (default: {DEFAULT_STARS})"
    )
    command.add_argument("--seed", type=int, default=0, help="seed of the random numbers (default: 0)")
    command.add_argument(
        "-o", "--output", default=DEFAULT_SURVEY, help=f"survey table (default: {DEFAULT_SURVEY})"
    )
    command.add_argument("--truth", metavar="FILE", help="also write the true values, row by row")
    command.add_argument("--overwrite", action="store_true", help="replace existing files")
    command.set_defaults(run=_run_simulate)


def _run_catalog(args):
    from skdistmass.tables.write import check_output

    source = args.input
    output = args.output or _default_output(source)
    if not needs_cluster(args, source, output):
        check_output(output, overwrite=args.overwrite)
    if (
        Path(output).exists()
        and Path(source or DEFAULT_SURVEY).exists()
        and Path(output).samefile(source or DEFAULT_SURVEY)
    ):
        raise ValueError(
            f"{output}: the catalogue would replace the table it is made from; give another output"
        )
    if source is None:
        source = DEFAULT_SURVEY
        _write_survey(source, None, DEFAULT_STARS, 0, args.overwrite)
    print(run_catalog(args, source, output))
    print(f"wrote {output}")


def _default_output(source) -> str:
    if source is None:
        return DEFAULT_CATALOG
    return f"{Path(Path(source).name.removesuffix('.gz')).stem}-distmass.fits"


def _run_models(args):
    from skdistmass.models.load import read_registry
    from skdistmass.report import describe_model

    registry = read_registry()
    if args.name is None:
        for name, entry in registry.items():
            card = entry["card"]
            print(f"{name:12s} {card['kind']:18s} predicts {card['target']} [{card['target_unit']}]")
    elif args.name in registry:
        print(describe_model(args.name, registry[args.name]))
    else:
        raise ValueError(f"there is no shipped model {args.name!r}; there are {', '.join(registry)}.")


def _run_simulate(args):
    _write_survey(args.output, args.truth, args.stars, args.seed, args.overwrite)


def _write_survey(output, truth_output, n_stars, seed, overwrite):
    from skdistmass.tables.write import check_output, write_table

    outputs = [path for path in (output, truth_output) if path]
    if len({Path(path).resolve() for path in outputs}) < len(outputs):
        raise ValueError(f"{output}: the survey and its truth need two files")
    for path in outputs:
        check_output(path, overwrite=overwrite)
    from skdistmass.simulate import make_survey

    for table, path in zip(make_survey(n_stars, random_state=seed), outputs, strict=False):
        write_table(table, path, overwrite=overwrite)
        print(f"wrote {path}")


def main(argv=None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : list of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        Exit code: 0, or 1 after an error; usage errors exit with 2.
    """
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except KeyboardInterrupt:
        print("skdistmass: interrupted", file=sys.stderr)
        return 130
    except Exception as error:
        if args.debug:
            raise
        print(f"skdistmass: error: {error}", file=sys.stderr)
        return 1
    return 0
