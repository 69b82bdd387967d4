from dataclasses import FrozenInstanceError

import pytest
from astropy import units

from skdistmass.columns import (
    AUXILIARY_COLUMNS,
    BITS,
    CATALOG_COLUMNS,
    DERIVED,
    FEATURES,
    INPUT_COLUMNS,
    LABEL_SETS,
    NAMINGS,
    REQUIRED,
    bit_names,
    canonical_catalog_name,
    column_key,
    markdown,
)

EVERY_COLUMN = [*INPUT_COLUMNS.values(), *AUXILIARY_COLUMNS.values(), *CATALOG_COLUMNS.values()]


@pytest.mark.parametrize("column", EVERY_COLUMN, ids=lambda column: column.name)
def test_each_column_is_described_and_has_a_unit_that_astropy_knows(column):
    assert column.description
    assert not column.description.endswith(".")
    assert column.kind in ("float", "int", "str")
    assert not isinstance(units.Unit(column.unit), units.UnrecognizedUnit)
    if column.kind != "float":
        assert column.unit == ""


def test_features_are_required_columns_in_the_order_of_the_networks():
    assert FEATURES == ("TEFF", "LOGG", "M_H", "C_FE", "N_FE")
    assert set(REQUIRED) <= set(INPUT_COLUMNS)


def test_no_alias_is_the_canonical_name_of_another_column():
    canonical = {column_key(name) for name in INPUT_COLUMNS}
    for column in INPUT_COLUMNS.values():
        others = canonical - {column_key(column.name)}
        assert not others & {column_key(alias) for alias in column.aliases}


def test_no_alias_belongs_to_two_columns():
    owners = {}
    for column in INPUT_COLUMNS.values():
        for alias in column.aliases:
            assert owners.setdefault(column_key(alias), column.name) == column.name


def test_derivations_start_from_columns_that_are_read_for_them():
    for target, derivation in DERIVED.items():
        assert target == derivation.target
        assert target in INPUT_COLUMNS
        assert set(derivation.terms) <= set(AUXILIARY_COLUMNS)


def test_wise_extinction_of_milky_way_mapper_is_rjce():
    # E(B-V) = 2.61 (H - W2 - 0.08) there, A_K = 0.918 (H - W2 - 0.05) of RJCE (Majewski+ 2011).
    colour = 0.6
    derivation = DERIVED["AK_WISE"]
    extinction = derivation.terms["EBV_RJCE_ALLWISE"] * 2.61 * (colour - 0.08) + derivation.constant
    assert extinction == pytest.approx(0.918 * (colour - 0.05))


@pytest.mark.parametrize("naming", NAMINGS)
def test_names_of_one_naming_are_distinct_and_lead_back(naming):
    names = [column.name_in(naming) for column in CATALOG_COLUMNS.values()]
    assert len(set(names)) == len(names)
    assert [canonical_catalog_name(name) for name in names] == list(CATALOG_COLUMNS)


def test_the_namings_differ_where_the_published_tables_do():
    weighted = CATALOG_COLUMNS["WEIGHTED_DIST"]
    assert weighted.name_in("released") == "WEIGHTED_DIST"
    assert weighted.name_in("paper") == "DISTANCE_WEIGHTED"
    assert CATALOG_COLUMNS["MASS_ERR"].name_in("cas") == "mass_err"
    assert CATALOG_COLUMNS["NMSU_DIST"].name_in("cas") == "nmsu_dist_med"


def test_the_catalogue_has_all_of_table_2_of_the_paper():
    table_2 = "APOGEE_ID APSTAR_ID TEFF LOGG M_H C_FE N_FE GAIAEDR3_DIST EXTINCTION MAG ABS_MAG ABS_MAG_ERR "
    table_2 += "DISTANCE DISTANCE_ERR DISTANCE_WEIGHTED MASS_ERR AGE_ERR BITMASK NMSU_DIST "
    table_2 += " ".join(f"{quantity}_{labels}" for quantity in ("MASS", "AGE") for labels in LABEL_SETS)
    assert set(table_2.split()) <= {column.name_in("paper") for column in CATALOG_COLUMNS.values()}


def test_bits_are_distinct_powers_of_two_with_those_of_table_3():
    values = [value for value, _ in BITS.values()]
    assert len(set(values)) == len(values)
    assert all(value & (value - 1) == 0 for value in values)
    assert [value for value in values if value < 2**8] == [1, 2, 8, 16, 32]
    assert BITS["OUTSIDE_MASS_DOMAIN"][0] == 2
    assert max(values) < 2**31  # The database keeps the mask as a signed integer.


def test_bit_names_of_a_sum():
    total = BITS["NO_K"][0] + BITS["STAR_BAD"][0] + BITS["DISTANCE_TRAINING"][0]
    assert bit_names(total) == ["DISTANCE_TRAINING", "STAR_BAD", "NO_K"]
    assert bit_names(0) == []


@pytest.mark.parametrize(
    ("which", "entries"), [("input", INPUT_COLUMNS), ("catalog", CATALOG_COLUMNS), ("bits", BITS)]
)
def test_markdown_tables_have_a_line_for_each_entry(which, entries):
    lines = markdown(which).splitlines()
    assert len(lines) == len(entries) + 2
    assert len({line.count("|") for line in lines}) == 1
    assert all(f"`{name}`" in line for name, line in zip(entries, lines[2:], strict=True))


def test_markdown_refuses_another_table():
    with pytest.raises(ValueError, match="'bytes'"):
        markdown("bytes")


def test_the_table_cannot_be_changed():
    with pytest.raises(TypeError):
        INPUT_COLUMNS["TEFF"] = None
    with pytest.raises(FrozenInstanceError):
        INPUT_COLUMNS["TEFF"].unit = "deg"
