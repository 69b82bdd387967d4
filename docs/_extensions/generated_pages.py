"""Pages that are made from the code when the site is built: the command line, the cards of the models."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

COMMAND = """# Command line

`skdistmass --help` says the same. Every command has `-v`, `--quiet`, `--json` and `--debug`; the exit code
is 0, 1 after an error, 2 after a mistake in the arguments, 130 after an interruption.

Completion of commands, options, files and names of models (with `pip install "skdistmass[completion]"`):

```text
eval "$(skdistmass --print-completion bash)"
```

"""
CARDS = """# Model cards

What each shipped model was trained on, how good it is and what to cite. `skdistmass models NAME` prints the
same card, and `load_model(NAME).card_` is it as a dict. How they were made:
[the shipped models](../models.md).

"""
PEERS_TEXT = """# Catalogues of others

`skdistmass report distmass.fits --compare OTHER` puts a catalogue beside one of these, or beside the
published DistMass, star by star, and beside two relations of the literature: the form of Martig et al. 2016,
fitted to the other catalogue, and the [C/N] relation of Spoo et al. 2022. In Python:

```python
from skdistmass.training.peers import read_peer

other = read_peer("apogee_astroNN-DR17.fits")
other.quantities["AGE"].value  # yr, whatever the file's own unit
```

`skdistmass.plots.ComparisonDisplay.from_peer(catalog, other)` draws one against the other.

Of several columns for one quantity the first that a row has counts.

"""
_LONG = ("scale", "split", "error_model", "domain", "notes")


def parsers(parser: argparse.ArgumentParser, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Parsers of a command and of its subcommands.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Parser of the command.
    words : tuple of str
        Words that lead to it.

    Yields
    ------
    (tuple of str, argparse.ArgumentParser)
        Words and parser.
    """
    yield words, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from parsers(inner, (*words, name))


def command_page() -> str:
    """Make the page of the command line.

    Returns
    -------
    str
        Markdown.
    """
    from skdistmass.cli import make_parser

    parts = [COMMAND]
    for words, parser in parsers(make_parser(), ("skdistmass",)):
        parser.formatter_class = _Wide
        parts.append(f"## {' '.join(words)}\n\n```text\n{parser.format_help().rstrip()}\n```\n\n")
    return "".join(parts)


class _Wide(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=100)


def cards_page() -> str:
    """Make the page of the model cards.

    Returns
    -------
    str
        Markdown.
    """
    from skdistmass.models.load import read_registry

    registry = read_registry()
    rows = [
        f"| [{name}](#{name}) | {card['kind']} | {_target(card)} | {card['n_training']} |"
        for name, card in ((name, entry["card"]) for name, entry in registry.items())
    ]
    head = "| model | estimator | predicts | training stars |\n|---|---|---|---|\n"
    parts = [CARDS, head, "\n".join(rows), "\n\n"]
    parts += [_card(name, entry) for name, entry in registry.items()]
    return "".join(parts)


def _card(name: str, entry: dict[str, Any]) -> str:
    card = entry["card"]
    features = ", ".join(f"{key} [{unit}]" for key, unit in card["features"].items())
    lines = [
        f"## {name}\n",
        f"*{card['kind']}* predicts **{card['target']}** [{card['target_unit']}] from {features}.\n",
    ]
    lines += [f"{key.replace('_', ' ').capitalize()}\n: {_text(card[key])}\n" for key in _LONG if key in card]
    sources = "; ".join(f"{n} {source}" for source, n in card["training_set"].items())
    lines.append(f"Training set\n: {sources}\n")
    lines += ["| test stars | metrics |", "|---|---|"]
    lines += [f"| {key} | {_text(value)} |" for key, value in card["test_metrics"].items()]
    lines.append("\nCite\n: " + "\n: ".join(card["citation"]) + "\n")
    versions = ", ".join(f"{package} {number}" for package, number in card["versions"].items())
    lines.append(f"Made\n: {card.get('date', '')} with {versions}; SHA-256 `{entry['sha256']}`\n")
    return "\n".join(lines) + "\n"


def _target(card: dict[str, Any]) -> str:
    return f"{card['target']} [{card['target_unit']}]"


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = ", ".join(f"{key} {inner}" for key, inner in value.items())
    return str(value).replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def peers_page() -> str:
    """Make the page of the catalogues of others.

    Returns
    -------
    str
        Markdown.
    """
    from skdistmass.columns.peers import PEERS

    parts = [PEERS_TEXT]
    for peer in PEERS.values():
        parts.append(f"## {peer.name}\n\n{peer.citation}.{f' {peer.note}.' if peer.note else ''}\n\n")
        rows = [
            f"| {name} | `{one.column}` | {'log10 ' * one.is_log}{one.unit} | {_errors(one)} |"
            for name, choices in peer.quantities.items()
            for one in choices
        ]
        parts.append("| quantity | column | unit | errors |\n|---|---|---|---|\n" + "\n".join(rows) + "\n\n")
        parts += [f"- Cut for {', '.join(cut.quantities)}: {cut.reason}.\n" for cut in peer.cuts]
        parts.append("\n")
    return "".join(parts)


def _errors(one: Any) -> str:
    what = {"sigma": "1σ", "up_down": "upward, downward", "percentiles": "84th, 16th percentile"}
    columns = ", ".join(f"`{name}`" for name in one.errors)
    return f"{columns} ({what[one.error_kind]})" if columns else "-"


PAGES = {"command.md": command_page, "cards.md": cards_page, "peers.md": peers_page}


def _write(app: Any) -> None:
    folder = Path(app.srcdir) / "generated"
    folder.mkdir(exist_ok=True)
    for name, make in PAGES.items():
        page, text = folder / name, make()
        # An unchanged page is not read again.
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Make the pages before Sphinx looks for them.

    Parameters
    ----------
    app : sphinx.application.Sphinx
        The application.

    Returns
    -------
    dict
        What Sphinx wants to know of an extension.
    """
    app.connect("builder-inited", _write, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
