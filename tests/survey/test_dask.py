"""The catalogue over Dask dataframes, files and LSDB catalogues: equal to the one made in memory."""

import importlib
import os
import sys

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from skdistmass import build_catalog, make_survey, read_catalog, write_catalog, write_table
from skdistmass.columns import CATALOG_COLUMNS
from skdistmass.tables.parquet_folder import is_hats, parquet_files

dask = pytest.importorskip("dask", reason="Dask is not installed")
dd = pytest.importorskip("dask.dataframe", reason="Dask is not installed")

from skdistmass.survey import dask as distributed  # noqa: E402
from skdistmass.survey import pieces as pieces_module  # noqa: E402
from skdistmass.survey.dask import distribute_catalog  # noqa: E402
from skdistmass.survey.pieces import list_pieces  # noqa: E402

OPTIONS = {"masses": ("mass", "mass-cor-ss"), "isochrone": False}


@pytest.fixture(scope="module")
def stars():
    survey, _ = make_survey(600, random_state=6)
    survey["APOGEE_ID"][500:550] = survey["APOGEE_ID"][:50]
    survey["TEFF"][[3, 77, 401]] = np.nan
    return survey


@pytest.fixture(scope="module")
def catalog(stars):
    return build_catalog(stars, **OPTIONS)


@pytest.fixture(scope="module")
def bare(stars):
    """Without the survey's word on which rows are the best of their stars."""
    survey = stars.copy()
    survey.remove_columns(["EXTRATARG", "GAIAEDR3_SOURCE_ID"])
    return survey


@pytest.fixture
def folder(bare, tmp_path):
    path = tmp_path / "survey"
    path.mkdir()
    for number, start in enumerate(range(0, 600, 50)):
        write_table(bare[start : start + 50], path / f"part.{number}.parquet")
    return path


@pytest.fixture(autouse=True)
def _here():
    with dask.config.set(scheduler="synchronous"):
        yield


def assert_equal(frame, expected):
    for name in expected.colnames:
        values = np.asarray(frame[name])
        if values.dtype == object:
            values = np.array(values.tolist())
        assert_array_equal(values, np.asarray(expected[name]), err_msg=name)


def frame_of(stars):
    return pd.DataFrame(
        {
            name: np.char.decode(column) if column.dtype.kind == "S" else np.asarray(column)
            for name, column in stars.columns.items()
        }
    )


@pytest.mark.parametrize("with_best", [True, False])
def test_dask_frame(with_best, stars, bare, request):
    survey = stars if with_best else bare
    frame = dd.from_pandas(frame_of(survey), npartitions=7)
    result = distribute_catalog(frame, **OPTIONS).compute()
    assert_equal(result, build_catalog(survey, **OPTIONS))
    assert list(result.index) == list(range(len(survey)))


def test_partitions_without_rows(stars, catalog):
    frame = dd.from_pandas(frame_of(stars), npartitions=4)
    frame = frame[frame["LOGG"] < 2.5]
    empty = dd.concat([frame, frame[frame["TEFF"] < 0]])
    result = distribute_catalog(empty, **OPTIONS).compute()
    assert_equal(result, catalog[np.asarray(stars["LOGG"]) < 2.5])


def test_nothing_is_computed_before_it_is_asked_for_and_the_schema_is_known(stars, folder):
    def refuse(*arguments, **options):
        raise AssertionError("computed")

    with dask.config.set(scheduler=refuse):
        frames = [
            distribute_catalog(dd.from_pandas(frame_of(stars), npartitions=3), columns="cas", **OPTIONS),
            distribute_catalog(folder, columns="cas", **OPTIONS),
        ]
    for frame in frames:
        result = frame.compute()
        assert list(frame.columns) == list(result.columns)
        assert frame.dtypes.to_dict() == result.dtypes.to_dict()
        assert result["distance"].dtype == np.float32
        assert result["bitmask"].dtype == np.int64


def test_aliases_and_units_of_other_releases(stars, catalog, tmp_path):
    frame = frame_of(stars).rename(columns=str.lower).rename(columns={"teff": "Teff", "k": "ks_mag"})
    frame = frame.rename(columns={"ks_mag": "K"})
    assert_equal(distribute_catalog(dd.from_pandas(frame, npartitions=2), **OPTIONS).compute(), catalog)


@pytest.mark.parametrize("chunk_rows", [50, 120, 10_000])
def test_folder_to_folder(chunk_rows, folder, bare, tmp_path):
    path = write_catalog(folder, tmp_path / "out", chunk_rows=chunk_rows, **OPTIONS)
    written, expected = read_catalog(path), build_catalog(bare, **OPTIONS)
    assert_equal(written, expected)
    assert written.meta["source"] == "survey"
    assert written.meta["source_rows"] == 600
    assert written.meta["models"] == expected.meta["models"]
    for name in expected.colnames:
        assert written[name].unit == expected[name].unit
        assert written[name].description == CATALOG_COLUMNS[name].description
    assert sorted(os.listdir(tmp_path)) == ["out", "survey"]


def test_row_groups_are_read_once(bare, tmp_path):
    import pyarrow.parquet as pq

    table = pq.read_table(write_table(bare, tmp_path / "in.parquet"))
    pq.write_table(table, tmp_path / "g.parquet", row_group_size=70)
    pieces = list_pieces(600, 200, whole_groups=tmp_path / "g.parquet")
    assert [(start, stop) for _, start, stop in pieces] == [(0, 210), (210, 420), (420, 600)]
    result = distribute_catalog(tmp_path / "g.parquet", chunk_rows=200, **OPTIONS)
    assert result.npartitions == 3
    assert_equal(result.compute(), build_catalog(bare, **OPTIONS))


def test_one_fits_file_in_parts(stars, catalog, tmp_path):
    result = distribute_catalog(write_table(stars, tmp_path / "in.fits"), chunk_rows=250, **OPTIONS)
    assert result.npartitions == 3
    assert_equal(result.compute(), catalog)


def test_isochrone_distances(stars):
    options = {"masses": None, "distance": None}
    result = distribute_catalog(dd.from_pandas(frame_of(stars[:200]), npartitions=3), **options).compute()
    assert_equal(result, build_catalog(stars[:200], **options))


def test_existing_folder_is_kept(folder, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "note").write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite"):
        write_catalog(folder, tmp_path / "out", **OPTIONS)

    def fail(*arguments):
        raise RuntimeError("broken")

    with monkeypatch.context() as patch:
        patch.setattr(pieces_module, "fill_catalog", fail)
        with pytest.raises(RuntimeError, match="broken"):
            write_catalog(folder, tmp_path / "out", overwrite=True, **OPTIONS)
    assert sorted(os.listdir(tmp_path)) == ["out", "survey"]
    assert (tmp_path / "out" / "note").read_text() == "mine"
    with pytest.raises(ValueError, match="would replace"):
        write_catalog(folder, tmp_path / "survey", overwrite=True, **OPTIONS)
    write_catalog(folder, tmp_path / "out", overwrite=True, **OPTIONS)
    assert not (tmp_path / "out" / "note").exists()


def test_missing_packages_are_named_with_their_extra(monkeypatch):
    def fail(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(ImportError, match=r"pip install 'skdistmass\[lsdb\]'"):
        distributed.require("lsdb", "lsdb")
    with pytest.raises(ImportError, match=r"needs dask, .* pip install 'skdistmass\[dask\]'"):
        distribute_catalog("somewhere")


def test_other_things_are_no_tables():
    with pytest.raises(TypeError, match="received a int"):
        distribute_catalog(3)


def test_files_of_a_folder(tmp_path):
    for name in ("part.10.parquet", "part.9.parquet", "_metadata.parquet", ".x.parquet", "sub/a.pq", "b.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files = [str(file.relative_to(tmp_path)) for file in parquet_files(tmp_path)]
    assert files == ["part.9.parquet", "part.10.parquet", "sub/a.pq"]


def test_cluster_command(folder, bare, tmp_path, capsys):
    """A process as worker: models reach them as arrays, and TensorFlow stays away."""
    pytest.importorskip("distributed", reason="Dask's scheduler is not installed")
    from skdistmass.cli import main
    from skdistmass.survey.dask import connect

    with connect(workers=1) as client:
        address = client.scheduler.address
        arguments = ["catalog", str(folder), "-o", str(tmp_path / "out"), "--scheduler", address]
        assert main([*arguments, "--no-isochrone", "--mass-model", "mass", "--chunk-rows", "60"]) == 0
        loaded = client.run(lambda: sorted({"tensorflow", "skdistmass.survey.compute"} & set(sys.modules)))
    assert set(map(tuple, loaded.values())) == {("skdistmass.survey.compute",)}
    assert "rows: 600" in capsys.readouterr().out
    assert_equal(read_catalog(tmp_path / "out"), build_catalog(bare, masses=("mass",), isochrone=False))


@pytest.mark.filterwarnings("ignore")  # What LSDB asks of pandas is not ours to mend.
def test_lsdb(stars, catalog, tmp_path):
    lsdb = pytest.importorskip("lsdb", reason="LSDB is not installed")
    survey = frame_of(stars)
    survey["row"] = np.arange(len(survey))
    hats = tmp_path / "hats"
    source = lsdb.from_dataframe(survey, ra_column="RA", dec_column="DEC", chunk_rows=150)
    source.write_catalog(hats, catalog_name="survey", progress_bar=False)
    assert is_hats(hats)
    source = lsdb.open_catalog(hats, columns="all")
    rows = source.compute()["row"].to_numpy()
    result = distribute_catalog(source, **OPTIONS)
    assert type(result).__name__ == "Catalog"
    assert_equal(result.compute(), catalog[rows])
    path = write_catalog(hats, tmp_path / "out", **OPTIONS)
    assert is_hats(path)
    written = read_catalog(path)
    assert_equal(written[np.argsort(written["APSTAR_ID"])], catalog[np.argsort(catalog["APSTAR_ID"])])
    assert lsdb.open_catalog(path, columns="all").compute()["DISTANCE"].size == len(stars)
