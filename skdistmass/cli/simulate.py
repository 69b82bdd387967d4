"""The command ``skdistmass simulate``: a simulated survey with known truth."""

from __future__ import annotations

import argparse
from pathlib import Path

from skdistmass.cli.output import Result, set_examples

DEFAULT_STARS = 5000
DEFAULT_SURVEY = "skdistmass-survey.fits"


def add_simulate_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``simulate``.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Parser of the command.
    """
    parser.description = (
        "Write a simulated survey: a table as a survey has it, and what is true of its stars."
    )
    parser.add_argument(
        "-n", "--stars", type=int, default=DEFAULT_STARS, help=f"rows (default: {DEFAULT_STARS})"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the random numbers (default: 0)")
    parser.add_argument(
        "-o", "--output", default=DEFAULT_SURVEY, help=f"survey table (default: {DEFAULT_SURVEY})"
    )
    parser.add_argument("--truth", metavar="FILE", help="also write the true values, row by row")
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    set_examples(
        parser,
        ("a survey of 100,000 stars", "skdistmass simulate -n 100000 -o survey.fits"),
        ("the true distances and masses too", "skdistmass simulate -o survey.fits --truth truth.fits"),
    )
    parser.set_defaults(run=run_simulate)


def run_simulate(args: argparse.Namespace) -> Result:
    """Run the command.

    Parameters
    ----------
    args : argparse.Namespace
        Its arguments.

    Returns
    -------
    Result
        What was written.
    """
    paths = write_survey(args.output, args.truth, args.stars, args.seed, args.overwrite)
    text = "\n".join(f"wrote {path}" for path in paths)
    return Result(text, {"outputs": paths, "rows": args.stars, "seed": args.seed})


def write_survey(
    output: str,
    truth_output: str | None = None,
    n_stars: int = DEFAULT_STARS,
    seed: int = 0,
    overwrite: bool = False,
) -> list[str]:
    """Write a simulated survey and, if asked for, its truth.

    Parameters
    ----------
    output, truth_output : str or None
        Files.
    n_stars : int, default=5000
        Number of rows.
    seed : int, default=0
        Seed of the random numbers.
    overwrite : bool, default=False
        Whether to replace existing files.

    Returns
    -------
    list of str
        The files.

    Raises
    ------
    ValueError
        If both files are one.
    """
    from skdistmass.tables.write import check_output, write_table

    outputs = [path for path in (output, truth_output) if path]
    if len({Path(path).resolve() for path in outputs}) < len(outputs):
        raise ValueError(f"{output}: the survey and its truth need two files")
    for path in outputs:
        check_output(path, overwrite=overwrite)
    from skdistmass.simulate import make_survey

    for table, path in zip(make_survey(n_stars, random_state=seed), outputs, strict=False):
        write_table(table, path, overwrite=overwrite)
    return outputs
