"""Write columns.md from the table of quantities; a test holds the two together."""

from pathlib import Path

from skdistmass.columns import markdown

TEXT = """# Columns and bits

Made by `docs/make_columns.py` from `skdistmass/columns.py`.

## Input

Only TEFF, LOGG, M_H, C_FE and N_FE are needed. Names are matched in any case, canonical names before aliases.

{input}

## Catalogue

{catalog}

## BITMASK

{bits}
"""


def render() -> str:
    """Render the page."""
    return TEXT.format(**{part: markdown(part) for part in ("input", "catalog", "bits")})


if __name__ == "__main__":
    Path(__file__).with_name("columns.md").write_text(render(), encoding="utf-8")
