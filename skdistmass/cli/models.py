"""The command ``skdistmass models``: the shipped models and their cards."""

from __future__ import annotations

import argparse
import sys


def add_models_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``models``.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Parser of the command.
    """
    parser.add_argument("name", nargs="?", metavar="NAME", help="model whose card to show")
    parser.set_defaults(run=run_models)


def run_models(args: argparse.Namespace) -> None:
    """List the models, or show the card of one.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.

    Raises
    ------
    ValueError
        If there is no model of that name.
    """
    from skdistmass.models.load import read_registry
    from skdistmass.report import describe_model

    registry = read_registry()
    if args.name is None:
        for name, entry in registry.items():
            card = entry["card"]
            line = f"{name:12s} {card['kind']:18s} predicts {card['target']} [{card['target_unit']}]"
            sys.stdout.write(f"{line}\n")
    elif args.name in registry:
        sys.stdout.write(f"{describe_model(args.name, registry[args.name])}\n")
    else:
        raise ValueError(f"there is no shipped model {args.name!r}; there are {', '.join(registry)}.")
