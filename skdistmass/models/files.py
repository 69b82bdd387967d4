"""Files of a trained model, beside each other."""

from __future__ import annotations

from pathlib import Path

from skdistmass.tables.write import check_output


def check_paths(path: str | Path, kind: str, overwrite: bool = False) -> list[Path]:
    """Name the files of a trained model and check that they can be written.

    Parameters
    ----------
    path : path-like
        Model file, or an existing folder.
    kind : {"distance", "mass"}
        Name of the model file in a folder.
    overwrite : bool, default=False
        Whether existing files may be replaced.

    Returns
    -------
    list of Path
        Model file, table of test stars and card.

    Raises
    ------
    FileExistsError
        If a file exists and must not be replaced.
    FileNotFoundError
        If the folder does not exist.
    """
    path = Path(path)
    path = path / f"{kind}.joblib" if path.is_dir() else path
    files = [path, path.with_name(f"{path.stem}-test.ecsv"), path.with_name(f"{path.stem}-card.json")]
    for file in files:
        check_output(file, overwrite=overwrite, format="ecsv")
    return files
