import gzip
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import Table
from numpy.testing import assert_allclose, assert_array_equal

from skdistmass.columns import FEATURES
from skdistmass.survey.read import read_stars
from skdistmass.tables import fits as fits_tables
from skdistmass.tables.open import open_source

GAIA_IDS = np.array([2052553983024456193, 4611686018427387905, 3])
BIG_FLAG = 2**41 + 2**23 + 1


HEADER = "apogee_id,teff,logg,feh,c_fe,n_fe,kmag,ak,aspcapflag,gaiaedr3_source_id\n"


def test_blank_cells_of_csv_keep_identifiers_exact(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text(
        "# made by hand\n" + HEADER + f"a,4800,2.5,0.1,0.0,0.1,9.5,0.02,{BIG_FLAG},{GAIA_IDS[0]}\n"
        "b,,2.5,nan,0.0,0.1,--,0.02,,\n\n"
        f"c,4900,2.5,NULL,0.0,0.1,9.5,0.02,-9999,{GAIA_IDS[1]}\n"
    )
    stars = read_stars(path)
    assert stars.meta["source_rows"] == 3
    assert stars["GAIAEDR3_SOURCE_ID"].tolist() == [GAIA_IDS[0], 0, GAIA_IDS[1]]
    assert stars["ASPCAPFLAG"].tolist() == [BIG_FLAG, 0, 0]
    assert_array_equal(np.isnan(stars["TEFF"]), [False, True, False])
    assert_array_equal(np.isnan(stars["M_H"]), [False, True, True])
    assert_array_equal(stars["A_K"], [0.02] * 3)
    assert read_stars(path, rows=slice(2, 3))["APOGEE_ID"].tolist() == ["c"]


def test_compressed_and_tab_separated_text(tmp_path):
    text = HEADER + "a,4800,2.5,0.1,0.0,0.1,9.5,0.02,1.0,7\n"
    with gzip.open(tmp_path / "stars.csv.gz", "wt") as stream:
        stream.write(text)
    (tmp_path / "stars.tsv").write_text(text.replace(",", "\t"))
    for name in ("stars.csv.gz", "stars.tsv"):
        stars = read_stars(tmp_path / name)
        assert stars["ASPCAPFLAG"].tolist() == [1]
        assert stars["TEFF"].tolist() == [4800.0]


def test_rows_with_other_fields_than_the_header_are_refused(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text("teff,logg,m_h,c_fe,n_fe\n1,2,3,4,5,\n1,2,3,4,\n")
    assert_array_equal(read_stars(path)["N_FE"], [5.0, np.nan])
    for row, number in (("1,2,3,4,5,6", 6), ("1,2,3,4", 4)):
        path.write_text(f"teff,logg,m_h,c_fe,n_fe\n1,2,3,4,5\n{row}\n")
        with pytest.raises(ValueError, match=rf"row 1 \(.* line 3\) has {number} fields, the header has 5"):
            read_stars(path)


def test_nulls_of_parquet_keep_identifiers_exact(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: pa.array([1.0, None, 3.0]) for name in FEATURES}
    columns["GAIAEDR3_SOURCE_ID"] = pa.array([GAIA_IDS[0].item(), None, 3], pa.int64())
    columns["FIELD"] = pa.array(["M67", None, "M67"]).dictionary_encode()
    columns["FLAG_BAD"] = pa.array([True, None, False])
    pq.write_table(pa.table(columns), tmp_path / "stars.parquet", row_group_size=2)
    stars = read_stars(tmp_path / "stars.parquet")
    assert stars["GAIAEDR3_SOURCE_ID"].tolist() == [GAIA_IDS[0], 0, 3]
    assert stars["FIELD"].tolist() == ["M67", "", "M67"]
    assert stars["FLAG_BAD"].tolist() == [1, 0, 0]
    assert_array_equal(np.isnan(stars["TEFF"]), [False, True, False])
    for rows in (slice(0, 1), slice(1, 3), slice(2, 3)):
        assert (
            read_stars(tmp_path / "stars.parquet", rows=rows)["FIELD"].tolist()
            == stars["FIELD"][rows].tolist()
        )


def test_repeated_names_in_csv_matter_only_where_they_are_wanted(tmp_path):
    path = tmp_path / "stars.csv"
    path.write_text("teff,logg,m_h,c_fe,n_fe,x,x\n1,2,3,4,5,6,7\n")
    assert read_stars(path)["N_FE"].tolist() == [5.0]
    path.write_text("teff,logg,m_h,c_fe,n_fe,teff\n1,2,3,4,5,6\n")
    with pytest.raises(ValueError, match="`teff` and `teff`"):
        read_stars(path)


def test_an_empty_text_file_is_refused(tmp_path):
    (tmp_path / "stars.csv").write_text("")
    with pytest.raises(ValueError, match="the file is empty"):
        read_stars(tmp_path / "stars.csv")
    (tmp_path / "stars.csv").write_text(HEADER)
    with pytest.raises(ValueError, match="no rows"):
        read_stars(tmp_path / "stars.csv")


def test_text_among_numbers_is_named_with_its_column_row_and_value(tmp_path):
    path = tmp_path / "stars.csv"
    good = "a,4800,2.5,0.1,0.0,0.1,9.5,0.02,1,7\n"
    path.write_text(HEADER + good + good.replace("2.5", "giant"))
    with pytest.raises(
        ValueError, match=r"column `logg` \[dex\] must hold numbers; row 1 has the text 'giant'"
    ):
        read_stars(path)
    path.write_text(HEADER + good.replace(",1,7", ",many,7"))
    with pytest.raises(ValueError, match="column `aspcapflag` must hold integers; row 0 has the text 'many'"):
        read_stars(path)
    with pytest.raises(ValueError, match=r"`TEFF` \[K\].*row 0 has the text 'hot'"):
        read_stars(pd.DataFrame({name: ["hot"] for name in FEATURES}))


def many_stars(n_stars):
    rng = np.random.default_rng(0)
    table = Table({name: rng.normal(size=n_stars).astype("f4") for name in FEATURES})
    table["APOGEE_ID"] = [f"2M{i:08d}" for i in range(n_stars)]
    table["X_H"] = rng.normal(size=(n_stars, 27))
    return table


@pytest.mark.parametrize("name", ["stars.fits", "stars.fits.gz"])
def test_truncated_fits_files_are_refused(name, tmp_path):
    path = tmp_path / name
    many_stars(500).write(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=f"{name}: .*truncated"):
        read_stars(path)


@pytest.mark.parametrize("name", ["stars.fits", "stars.fits.gz"])
def test_blocks_of_rows_add_up_to_the_whole(name, tmp_path, monkeypatch):
    table = many_stars(1000)
    table.write(tmp_path / name)
    monkeypatch.setattr(fits_tables, "BLOCK_BYTES", 7 * 300)
    stars = read_stars(tmp_path / name, columns=[*FEATURES, "APOGEE_ID", "X_H"])
    for column in stars.colnames:
        assert_array_equal(stars[column], table[column])
    part = read_stars(tmp_path / name, columns=["TEFF"], rows=slice(333, 777))
    assert_array_equal(part["TEFF"], table["TEFF"][333:777])


def test_memory_holds_the_wanted_columns_and_not_the_file(tmp_path, monkeypatch):
    path = tmp_path / "stars.fits"
    many_stars(40_000).write(path)
    monkeypatch.setattr(fits_tables, "BLOCK_BYTES", 2**18)
    read_stars(path, rows=slice(0, 10))  # imports
    tracemalloc.start()
    read_stars(path, columns=FEATURES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < path.stat().st_size / 3


def test_scaled_unsigned_logical_and_variable_columns_go_through_astropy(tmp_path):
    path = tmp_path / "stars.fits"
    columns = [fits.Column(name, "E", array=np.arange(3.0)) for name in FEATURES]
    columns += [
        fits.Column("EXTRATARG", "J", bzero=2**31, array=np.array([0, 16, 2**31 + 16], "u4")),
        fits.Column("K", "I", array=np.array([-1000, 0, 1500], "i2")),
        fits.Column("FLAG_BAD", "L", array=[True, False, True]),
        fits.Column("ASPCAPFLAG", "K", null=-7, array=np.array([1, -7, 2**41])),
        fits.Column("VISITS", "PJ()", array=np.array([[1], [1, 2], []], dtype=object)),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(path)
    fits.setval(path, "TSCAL7", value=0.001, ext=1)
    fits.setval(path, "TZERO7", value=10.0, ext=1)
    stars = read_stars(path)
    assert stars["EXTRATARG"].tolist() == [0, 16, 2**31 + 16]
    assert_allclose(stars["K"], [9.0, 10.0, 11.5], atol=1e-3)
    assert stars["FLAG_BAD"].tolist() == [1, 0, 1]
    assert stars["ASPCAPFLAG"].tolist() == [1, 0, 2**41]
    assert_array_equal(stars["TEFF"], [0.0, 1.0, 2.0])


def test_every_column_of_the_real_rows_can_be_read_as_it_is(real_rows):
    opened, reference = open_source(real_rows), Table.read(real_rows)
    raw = opened.fetch(dict.fromkeys(opened.names, ""), slice(0, 48))
    for name in opened.names:
        values, expected = raw[name].values, np.ma.getdata(reference[name])  # noqa: PD011
        assert values.dtype.isnative
        assert values.shape == expected.shape
        if values.dtype.kind != "S":
            assert_array_equal(values, expected)
