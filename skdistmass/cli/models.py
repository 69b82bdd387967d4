"""The command ``skdistmass models``: the shipped models and their cards."""

from __future__ import annotations

import argparse

from skdistmass.cli.output import Result, set_examples


def add_models_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``models``.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Parser of the command.
    """
    parser.description = "List the shipped models, or show the card of one."
    parser.add_argument("name", nargs="?", metavar="NAME", help="model whose card to show")
    set_examples(
        parser,
        ("what ships", "skdistmass models"),
        ("what the mass model was trained on, and how good it is", "skdistmass models mass"),
        ("the same for a script", "skdistmass models mass --json"),
    )
    parser.set_defaults(run=run_models)


def run_models(args: argparse.Namespace) -> Result:
    """List the models, or show the card of one.

    Parameters
    ----------
    args : argparse.Namespace
        Arguments of the command.

    Returns
    -------
    Result
        The list or the card.

    Raises
    ------
    ValueError
        If there is no model of that name.
    """
    from skdistmass.models.load import read_registry
    from skdistmass.report import describe_model

    registry = read_registry()
    if args.name is None:
        cards = {name: entry["card"] for name, entry in registry.items()}
        lines = [
            f"{name:12s} {card['kind']:18s} predicts {card['target']} [{card['target_unit']}]"
            for name, card in cards.items()
        ]
        models = [
            {"name": name} | {key: card[key] for key in ("kind", "target", "target_unit")}
            for name, card in cards.items()
        ]
        return Result("\n".join(lines), {"models": models}, is_answer=True)
    if args.name not in registry:
        raise ValueError(f"there is no shipped model {args.name!r}; there are {', '.join(registry)}.")
    text = describe_model(args.name, registry[args.name])
    return Result(text, {"name": args.name, **registry[args.name]}, is_answer=True)
