"""Order of the examples: the story that the tutorials tell."""

from __future__ import annotations

STORY = (
    "plot_catalogue.py",
    "plot_own_masses.py",
    "plot_grid_search.py",
    "plot_label_scale.py",
    "plot_binaries.py",
    "plot_posteriors.py",
    "plot_uncertainties.py",
    "plot_isochrone_distance.py",
    "plot_birth_carbon_nitrogen.py",
)


def by_story(file_name: str) -> tuple[int, str]:
    """Key of an example in the order of the story; those it does not name come last.

    Parameters
    ----------
    file_name : str
        Name of the script.

    Returns
    -------
    (int, str)
        The key.
    """
    return (STORY.index(file_name) if file_name in STORY else len(STORY), file_name)
