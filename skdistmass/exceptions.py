"""Errors and warnings of the package, each a subclass of a built-in one."""

from __future__ import annotations

from collections.abc import Sequence

from skdistmass.columns import DERIVED, INPUT_COLUMNS

__all__ = ["MissingColumnsError", "NoSecondModeWarning", "UntrustedModelError"]


class MissingColumnsError(ValueError):
    """A table lacks columns that are needed.

    Parameters
    ----------
    label : str
        Name of the table.
    missing : sequence of str
        Canonical names, or names that were asked for.
    found : sequence of str
        Names of the columns of the table.
    """

    def __init__(self, label: str, missing: Sequence[str], found: Sequence[str]):
        self.label, self.missing, self.found = label, list(missing), list(found)
        lines = [f"{label}: {len(missing)} needed column{'s are' if len(missing) > 1 else ' is'} missing"]
        lines += [f"  {_describe(name)}" for name in missing]
        shown = ", ".join(found[:60]) + (", ..." if len(found) > 60 else "")
        lines.append(f"found {len(found)} columns: {shown}" if found else "found no columns")
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[type[MissingColumnsError], tuple[str, list[str], list[str]]]:
        return type(self), (self.label, self.missing, self.found)


def _describe(name: str) -> str:
    text = str(INPUT_COLUMNS.get(name, name))
    return f"{text}, or made from {' and '.join(DERIVED[name].terms)}" if name in DERIVED else text


class UntrustedModelError(ValueError):
    """A model file whose content is not vouched for by the registry."""


class NoSecondModeWarning(UserWarning):
    """The residuals have one mode only: ``threshold="auto"`` found nothing to cut and keeps every star."""
