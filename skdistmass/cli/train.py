"""The command ``skdistmass train``: a model from a survey table and, for masses, a table of labels."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skdistmass.cli.output import Result, add_common_options, set_examples
from skdistmass.progress import progress

if TYPE_CHECKING:
    from skdistmass.training.trained_model import TrainedModel

_TO_SCREEN = "-"


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``train distance`` and ``train mass``.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Parser of the command ``train``.
    """
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="distance|mass")
    common = _common_arguments()
    distance = kinds.add_parser(
        "distance",
        parents=[common],
        help="train the model of absolute magnitudes on Gaia distances",
        description="Train the model of absolute magnitudes on the Gaia distances of a survey table.",
    )
    _add_distance_arguments(distance.add_argument_group("training set"))
    mass = kinds.add_parser(
        "mass",
        parents=[common],
        help="train the model of masses on a table of labels",
        description="Train the model of masses on a table of labels, joined to the survey by identifier.",
    )
    _add_mass_arguments(mass.add_argument_group("training set"))
    parser.description = (
        "Train a model by the published recipes; `train distance --help` and `train mass --help` say how."
    )
    set_examples(
        distance,
        (
            "the published recipe on your table",
            "skdistmass train distance allStar.fits -o distance.joblib --report report.txt",
        ),
        (
            "your own distances, in pc, with their errors",
            "skdistmass train distance s.fits -o my.joblib --distance-source DIST --distance-error E_DIST",
        ),
    )
    set_examples(
        mass,
        (
            "seismic masses, joined to the survey by KIC number",
            "skdistmass train mass allStar.fits --labels apokasc.csv --id-column KIC -o mass.joblib",
        ),
        (
            "a larger network, and an ensemble of four",
            "skdistmass train mass stars.fits --labels masses.fits -o m.joblib --hidden 16,16 --members 4",
        ),
    )
    parser.set_defaults(run=run_train)


def _common_arguments() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("input", metavar="IN", help="survey table: FITS, CSV, ECSV, VOTable or Parquet")
    common.add_argument(
        "-o", "--out", required=True, metavar="FILE", help="model file to write, or a folder for it"
    )
    common.add_argument(
        "--report",
        nargs="?",
        const=_TO_SCREEN,
        metavar="REPORT",
        help="write the whole report to REPORT, or to the screen",
    )
    common.add_argument("--overwrite", action="store_true", help="replace existing files")
    add_common_options(common)
    common.add_argument(
        "--calibration",
        choices=("validation", "out_of_fold"),
        default="validation",
        help="stars that errors are measured on: a validation part, or the training part by out-of-fold "
        "predictions (default: validation)",
    )
    common.add_argument(
        "--test-size", type=float, default=0.2, metavar="SHARE", help="stars to test on (default: 0.2)"
    )
    network = common.add_argument_group("network")
    network.add_argument("--seed", type=int, default=0, help="seed of split and start values (default: 0)")
    network.add_argument("--solver", choices=("lbfgs", "adam"), default="lbfgs", help="default: lbfgs")
    network.add_argument(
        "--hidden",
        type=_sizes,
        default=(8,),
        metavar="N[,N...]",
        help="neurons of each hidden layer (default: 8)",
    )
    network.add_argument("--activation", default="relu", help="activation function (default: relu)")
    network.add_argument("--loss", choices=("squared_error", "huber"), default="squared_error")
    network.add_argument("--alpha", type=float, default=1e-4, help="L2 penalty (default: 1e-4)")
    network.add_argument(
        "--members", type=int, default=1, metavar="N", help="networks to average (default: 1)"
    )
    network.add_argument(
        "--max-iter",
        type=int,
        default=1000,
        metavar="N",
        help="iterations, or epochs of adam (default: 1000)",
    )
    return common


def _add_distance_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--max-parallax-error", type=float, default=0.15, metavar="FRACTION", help="default: 0.15"
    )
    group.add_argument("--max-extinction", type=float, default=0.5, metavar="A_K", help="default: 0.5 mag")
    group.add_argument("--extinction-rule", choices=("survey", "paper"), default="survey")
    group.add_argument(
        "--distance-source",
        default="photogeo",
        metavar="SOURCE",
        help="photogeo, geo, edsd (from the parallax), or a column of distances in pc (default: photogeo)",
    )
    group.add_argument("--distance-error", metavar="COLUMN", help="errors of such a column, in pc")
    clusters = group.add_mutually_exclusive_group()
    clusters.add_argument("--no-clusters", action="store_true", help="no distances of star clusters")
    clusters.add_argument(
        "--clusters", metavar="TABLE", help="your own table of clusters: name, distance in pc"
    )
    group.add_argument(
        "--threshold",
        type=_threshold,
        default=0.13,
        metavar="FRACTION",
        help="residual that marks a binary: a number, auto, or none to keep binaries (default: 0.13)",
    )
    group.add_argument(
        "--prune", choices=("dwarfs", "all"), default="dwarfs", help="which stars may be left out"
    )


def _add_mass_arguments(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--labels", required=True, metavar="TABLE", help="table of masses with the survey's identifiers"
    )
    group.add_argument(
        "--mass-column",
        default="MASS",
        metavar="COLUMN",
        help="masses, in Msun if without a unit (default: MASS)",
    )
    group.add_argument("--error-column", metavar="COLUMN", help="their errors (default: found by name)")
    group.add_argument(
        "--id-column",
        default="APOGEE_ID",
        metavar="COLUMN",
        help="identifier in both tables, such as KIC (default: APOGEE_ID)",
    )
    group.add_argument(
        "--source-column", metavar="COLUMN", help="origin of each mass: APOKASC, BERGER, SERENELLI"
    )
    group.add_argument(
        "--label-set",
        metavar="SET",
        help="which of the six sets the masses are, such as COR_MO, for MASS_COR_MO",
    )
    group.add_argument("--max-mass-error", type=float, default=0.10, metavar="FRACTION", help="default: 0.10")
    group.add_argument("--max-log-g", type=float, metavar="LOGG", help="giants only (default: all stars)")


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(size) for size in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not one or more integers, such as 8 or 16,16"
        ) from None


def _threshold(text: str) -> float | str | None:
    if text in ("auto", "none"):
        return None if text == "none" else text
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number nor auto nor none") from None


def run_train(args: argparse.Namespace) -> Result:
    """Train a model and write its files.

    Parameters
    ----------
    args : argparse.Namespace
        Parsed arguments of `add_train_arguments`.

    Returns
    -------
    Result
        Metrics of the test stars and the files.

    Raises
    ------
    ValueError
        If the tables cannot be trained on.
    OSError
        If a file cannot be read or written.
    """
    # This process is the command's own: another backend in its environment is meant for other programs.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    from skdistmass.tables.atomic import new_file

    report_file = Path(args.report) if args.report not in (None, _TO_SCREEN) else None
    _check_arguments(args, report_file)
    with progress(f"train {args.kind}"):
        result = (_train_distance if args.kind == "distance" else _train_mass)(args)
    written = result.save(args.out, overwrite=args.overwrite)
    if report_file is not None:
        with new_file(report_file) as temporary:
            temporary.write_text(result.report(), encoding="utf-8")
        written.append(report_file)
    if args.report == _TO_SCREEN:
        lines = [result.report().rstrip("\n")]
    else:
        summary = ", ".join(f"{name} {value}" for name, value in result.metrics["all"].items())
        lines = [f"fractional {args.kind} errors of the test stars: {summary}"]
    lines += [f"wrote {path}" for path in written]
    data = {"kind": args.kind, "input": args.input, "outputs": written, "metrics": result.metrics}
    return Result("\n".join(lines), data, is_answer=args.report == _TO_SCREEN)


def _check_arguments(args: argparse.Namespace, report_file: Path | None) -> None:
    """Tell what is wrong before anything heavy is imported."""
    from skdistmass.models.files import check_paths
    from skdistmass.tables.open import check_input

    check_paths(args.out, args.kind, args.overwrite)
    if report_file is not None and report_file.exists() and not args.overwrite:
        raise FileExistsError(f"{report_file}: exists; give --overwrite to replace it")
    for path in (args.input, getattr(args, "labels", None), getattr(args, "clusters", None)):
        if path is not None:
            check_input(path)


def _network_settings(args: argparse.Namespace) -> dict[str, Any]:
    return {
        "hidden_layer_sizes": args.hidden,
        "activation": args.activation,
        "solver": args.solver,
        "loss": args.loss,
        "alpha": args.alpha,
        "n_members": args.members,
        "max_iter": args.max_iter,
        "random_state": args.seed,
    }


def _train_distance(args: argparse.Namespace) -> TrainedModel:
    from skdistmass.estimators.distance import DistanceRegressor
    from skdistmass.training import train_distance

    clusters = not args.no_clusters
    if args.clusters:
        from skdistmass.survey.clusters import read_clusters

        clusters = read_clusters(args.clusters)
    return train_distance(
        args.input,
        estimator=DistanceRegressor(**_network_settings(args)),
        threshold=args.threshold,
        where=args.prune,
        calibration=args.calibration,
        test_size=args.test_size,
        random_state=args.seed,
        max_parallax_error=args.max_parallax_error,
        max_extinction=args.max_extinction,
        extinction_rule=args.extinction_rule,
        distance_source=args.distance_source,
        distance_error=args.distance_error,
        clusters=clusters,
    )


def _train_mass(args: argparse.Namespace) -> TrainedModel:
    from skdistmass.estimators.mass import MassRegressor
    from skdistmass.training import train_mass

    return train_mass(
        args.input,
        args.labels,
        estimator=MassRegressor(**_network_settings(args)),
        label_set=args.label_set,
        calibration=args.calibration,
        test_size=args.test_size,
        random_state=args.seed,
        mass_column=args.mass_column,
        error_column=args.error_column,
        id_column=args.id_column,
        source_column=args.source_column,
        max_mass_error=args.max_mass_error,
        max_log_g=args.max_log_g,
    )
