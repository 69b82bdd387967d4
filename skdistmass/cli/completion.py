"""Shell completion: the script that a shell reads to complete commands, options, files and model names."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

SHELLS = ("bash", "zsh", "tcsh")
_FILES = {"INPUT", "OUTPUT", "IN", "FILE", "TABLE", "REPORT", "CATALOG", "OTHER"}
_MODELS = {"NAME", "MODEL"}


def add_completion_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that prints the script of a shell.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Parser of the whole command.
    """
    parser.add_argument(
        "--print-completion",
        action=_PrintCompletion,
        choices=SHELLS,
        help='print what completes commands in a shell: eval "$(skdistmass --print-completion bash)"',
    )


class _PrintCompletion(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        try:
            import shtab
        except ImportError:
            parser.error("this needs shtab, which is not installed: pip install 'skdistmass[completion]'")
        _mark(parser, shtab.FILE)
        sys.stdout.write(f"{shtab.complete(parser, shell=str(values))}\n")
        parser.exit()


def _mark(parser: argparse.ArgumentParser, files: Any) -> None:
    """Say which arguments are files, and which are names of models."""
    from skdistmass.models.load import list_models

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in set(action.choices.values()):
                _mark(command, files)
        elif action.metavar in _FILES or action.dest == "output":
            action.complete = files  # type: ignore[attr-defined]
        elif action.metavar in _MODELS and action.choices is None:
            action.choices = list_models()
