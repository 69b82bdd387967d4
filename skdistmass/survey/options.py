"""Options of a catalogue, for Python, the command line and a cluster, and where it can be written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from skdistmass.columns import LABEL_SETS, NAMINGS, Naming
from skdistmass.physics.constants import A_K_PER_E_B_V

if TYPE_CHECKING:
    from skdistmass.estimators.age import MassToAge
    from skdistmass.estimators.distance import DistanceRegressor
    from skdistmass.estimators.isochrone import IsochroneDistance
    from skdistmass.estimators.label_scale import LabelScale
    from skdistmass.estimators.mass import MassRegressor

    MassModel = str | Path | MassRegressor

DEFAULT_MASSES = ("mass", *(f"mass-{name.lower().replace('_', '-')}" for name in LABEL_SETS))
"""Mass models of a catalogue: that of MASS and AGE, then those of the six label sets."""

ExtinctionRule = Literal["survey", "paper"]
EXTINCTION_RULES: tuple[ExtinctionRule, ...] = ("survey", "paper")
"""Rules of `skdistmass.physics.extinction.choose_extinction`."""


@dataclass(frozen=True)
class CatalogOptions:
    """Models, rules and columns of a catalogue.

    Parameters
    ----------
    distance : str, path, DistanceRegressor or None, default="distance"
        Model of the distances: name of a shipped model, model file, or fitted estimator; None for none.
    masses : sequence of str, path or MassRegressor, or dict, or None, default=DEFAULT_MASSES
        Mass models; the first is the one whose errors and domain the catalogue tells. A dict gives the
        endings of the columns ("" for MASS, "UNCOR_SS" for MASS_UNCOR_SS). None: no masses and no ages.
    age : str, path, MassToAge or None, default="age"
        Relation of mass and age; None for none.
    isochrone : bool or IsochroneDistance, default=True
        Isochrone distances (NMSU_DIST): with default settings, none, or by the given estimator.
    label_scale : str, path, LabelScale or None, default=None
        Scale that brings the five labels to that of the models: name of a shipped one, file, or fitted
        estimator; None where they are on it.
    extinction_rule : {"survey", "paper"}, default="survey"
        Rule of `choose_extinction`; a column A_K of the table goes before it.
    sfd_coefficient : float, default=0.302
        A_K for E(B-V) = 1 mag of the dust map.
    columns : {"released", "paper", "cas"}, default="released"
        Naming of the columns.
    trusted : bool, default=False
        Allow model files that the registry does not know.
    keep : sequence of str, default=()
        Further columns of the table that pass through unchanged, with their unit, by their names there (in
        any case).
    percentiles : bool, default=False
        Add the 5th, 16th, 50th, 84th and 95th percentiles of distances, masses and ages, as columns of five
        numbers.
    samples : int, default=0
        Add so many draws of distance, mass and age, as columns of lists; for Parquet.

    Raises
    ------
    ValueError
        If `columns` or `extinction_rule` is not one of its choices, or `samples` is negative.

    Examples
    --------
    >>> CatalogOptions(isochrone=False).columns
    'released'
    """

    distance: str | Path | DistanceRegressor | None = field(
        default="distance", metadata={"help": "name or file of a model"}
    )
    masses: MassModel | Sequence[MassModel] | Mapping[str, MassModel] | None = field(
        default=DEFAULT_MASSES,
        metadata={"help": "name or file of a model; may be repeated (default: mass and the six label sets)"},
    )
    age: str | Path | MassToAge | None = field(default="age", metadata={"help": "name or file of a model"})
    isochrone: bool | IsochroneDistance | None = field(
        default=True, metadata={"help": "leave out the isochrone distances"}
    )
    label_scale: str | Path | LabelScale | None = field(
        default=None, metadata={"help": "name or file of a scale that brings labels to those of the models"}
    )
    extinction_rule: ExtinctionRule = field(
        default="survey",
        metadata={"help": "how A_K is chosen (default: survey)", "choices": EXTINCTION_RULES},
    )
    sfd_coefficient: float = field(
        default=A_K_PER_E_B_V, metadata={"help": f"for the dust map (default: {A_K_PER_E_B_V})"}
    )
    columns: Naming = field(
        default="released", metadata={"help": "naming of the columns", "choices": NAMINGS}
    )
    trusted: bool = field(
        default=False, metadata={"help": "unpickle files of other classes, which can run code"}
    )
    keep: Sequence[str] = field(
        default=(), metadata={"help": "further columns of INPUT that pass through unchanged"}
    )

    percentiles: bool = field(
        default=False, metadata={"help": "add percentiles of distances, masses and ages"}
    )
    samples: int = field(
        default=0, metadata={"help": "add N draws of distance, mass and age to a Parquet catalogue"}
    )

    def __post_init__(self) -> None:
        """Check the choices before any model is loaded."""
        if isinstance(self.keep, str):
            raise TypeError(f"keep must be a sequence of names; received the string {self.keep!r}")
        object.__setattr__(self, "keep", tuple(self.keep))
        if not isinstance(self.samples, int) or self.samples < 0:
            raise ValueError(f"samples must be 0 or a positive integer; received {self.samples!r}")
        for name, choices in (("columns", NAMINGS), ("extinction_rule", EXTINCTION_RULES)):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {choices}; received {getattr(self, name)!r}")


def check_target(
    source: Any, output: str | Path, overwrite: bool, format: str | None, client: Any = None
) -> tuple[Path, str]:
    """Check that a catalogue can be written, before the work that makes it.

    Parameters
    ----------
    source, output, overwrite, format, client
        See `write_catalog`.

    Returns
    -------
    path : Path
        What will be written.
    kind : {"fits", "ecsv", "parquet", "votable", "folder"}
        Its format.

    Raises
    ------
    FileExistsError
        If it exists and must not be replaced.
    ValueError
        If it would replace the source, or the format is unknown.
    """
    from skdistmass.tables.write import check_output, output_format

    path, table = Path(output), Path(source) if isinstance(source, str | Path) else None
    is_folder = table is not None and table.is_dir()
    if table is not None and table.exists():
        inside = path.resolve().is_relative_to(table.resolve())
        if inside or (path.is_dir() and table.resolve().is_relative_to(path.resolve())):
            raise ValueError(f"{path}: the catalogue would replace the table it is made from, or lie in it")
    if format != "folder" and (format is not None or path.suffix or not (is_folder or client)):
        return check_output(path, overwrite, format), output_format(path, format)
    if path.exists() and not (overwrite and path.is_dir()):
        raise FileExistsError(f"{path}: exists; give overwrite=True (--overwrite) to replace a folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path}: its folder {path.parent} does not exist; make it first")
    return path, "folder"
