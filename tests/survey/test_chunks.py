"""The catalogue in chunks: the same bytes whatever the chunks, and nothing half-written."""

import gzip
import os
import shutil

import numpy as np
import pytest
from astropy.table import Table
from numpy.testing import assert_array_equal

from skdistmass import build_catalog, make_survey, read_catalog, read_stars, write_catalog, write_table
from skdistmass.columns import FEATURES
from skdistmass.report import CatalogSummary, summarize_catalog
from skdistmass.survey import compute as compute_module
from skdistmass.survey import pieces as pieces_module
from skdistmass.survey.duplicates import duplicates, repeated_stars
from skdistmass.survey.models import load_models
from skdistmass.survey.options import CatalogOptions
from skdistmass.survey.parts import parts_folder
from skdistmass.survey.pieces import CatalogJob, ahead, join_blocks
from skdistmass.survey.read import StarReader

OPTIONS = {"masses": ("mass", "mass-cor-ss"), "isochrone": False}
INPUTS = ("in.fits", "in.fits.gz", "in.parquet", "in.csv", "folder")


@pytest.fixture(scope="module")
def stars():
    """A survey whose rows of one star are far apart, and that does not say which of them are the best."""
    survey, _ = make_survey(600, random_state=5)
    survey.remove_columns(["EXTRATARG", "APSTAR_ID", "GAIAEDR3_SOURCE_ID"])
    survey["APOGEE_ID"][500:550] = survey["APOGEE_ID"][:50]
    survey["APOGEE_ID"][7] = ""
    survey["SNR"][5:9] = np.nan
    survey["TEFF"][[3, 77, 401]] = np.nan
    return survey


@pytest.fixture(scope="module")
def inputs(stars, tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    write_table(stars, folder / "in.fits")
    write_table(stars, folder / "in.fits.gz")
    write_table(stars, folder / "in.parquet")
    (folder / "folder").mkdir()
    for number, start in enumerate(range(0, 600, 50)):
        write_table(stars[start : start + 50], folder / "folder" / f"part.{number}.parquet")
    stars.to_pandas().map(lambda value: value.decode() if isinstance(value, bytes) else value).to_csv(
        folder / "in.csv", index=False
    )
    return folder


def interrupt_after(n_chunks, monkeypatch, error=KeyboardInterrupt):
    """Fail when that many chunks are done; give the list of the row numbers of the chunks that begin."""
    original, begun = pieces_module.fill_catalog, []

    def fill(stars, *arguments):
        if len(begun) == n_chunks:
            raise error("stop")
        begun.append(len(stars))
        return original(stars, *arguments)

    monkeypatch.setattr(pieces_module, "fill_catalog", fill)
    return begun


@pytest.mark.parametrize("output", ["out.fits", "out.parquet"])
@pytest.mark.parametrize("name", INPUTS)
def test_the_file_does_not_depend_on_the_chunks(name, output, inputs, tmp_path):
    path = tmp_path / output
    whole = write_catalog(inputs / name, path, chunk_rows=10_000, **OPTIONS).read_bytes()
    for chunk_rows in (233, 599):
        written = write_catalog(inputs / name, path, chunk_rows=chunk_rows, overwrite=True, **OPTIONS)
        assert written.read_bytes() == whole
    assert os.listdir(tmp_path) == [output]


def test_items_are_made_one_ahead_and_in_order():
    made = []

    def items():
        for number in range(4):
            made.append(number)
            yield number
        raise ValueError("the fifth")

    coming = ahead(items())
    assert next(coming) == 0
    assert next(coming) == 1
    coming.close()
    assert 2 <= len(made) <= 3
    coming = ahead(items())
    assert [next(coming) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="the fifth"):
        next(coming)


def test_blocks_in_threads_fill_the_same_catalogue(stars, monkeypatch):
    whole = build_catalog(stars, **OPTIONS)
    monkeypatch.setattr(compute_module, "_BLOCK_ROWS", 64)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    in_blocks = build_catalog(stars, **OPTIONS)
    assert in_blocks.colnames == whole.colnames
    for name in whole.colnames:
        assert in_blocks[name].dtype == whole[name].dtype
        assert_array_equal(in_blocks[name], whole[name])


def test_single_rows_are_what_they_are_in_a_table(inputs, tmp_path):
    few = read_stars(inputs / "in.fits")[:25]
    one = write_catalog(few, tmp_path / "one.parquet", **OPTIONS).read_bytes()
    assert write_catalog(few, tmp_path / "each.parquet", chunk_rows=1, **OPTIONS).read_bytes() == one


def test_isochrone_distances_do_not_depend_on_the_chunks(stars, tmp_path):
    options = {"masses": ("mass",), "columns": "cas"}
    one = write_catalog(stars[:300], tmp_path / "one.fits", **options).read_bytes()
    assert write_catalog(stars[:300], tmp_path / "many.fits", chunk_rows=71, **options).read_bytes() == one


@pytest.mark.parametrize("output", ["out.fits", "out.fits.gz", "out.parquet", "out.ecsv", "out.vot"])
def test_the_file_holds_the_catalogue_of_the_table(output, stars, inputs, tmp_path):
    written = read_catalog(write_catalog(inputs / "in.fits", tmp_path / output, chunk_rows=101, **OPTIONS))
    expected = build_catalog(inputs / "in.fits", **OPTIONS)
    assert len(written) == len(stars)
    for name in expected.colnames:
        assert_array_equal(np.asarray(written[name]), np.asarray(expected[name]), err_msg=name)
        assert written[name].unit == expected[name].unit
    assert written.meta["source_rows"] == len(stars)


def test_build_catalog_joins_its_pieces(inputs):
    expected = build_catalog(inputs / "in.csv", **OPTIONS)
    options = CatalogOptions(**OPTIONS)
    job = CatalogJob(inputs / "in.csv", StarReader(inputs / "in.csv"), load_models(options), options, rows=97)
    joined = join_blocks(list(job.fill(job.pieces)))
    assert joined.meta == expected.meta
    for name in expected.colnames:
        assert joined[name].dtype == expected[name].dtype
        assert_array_equal(joined[name], expected[name])


def test_rows_of_one_star_are_found_across_chunks(stars, inputs):
    expected = duplicates(read_stars(stars))
    assert 40 < expected.sum() < 70
    for name in INPUTS:
        assert_array_equal(repeated_stars(StarReader(inputs / name), 61), expected)


def test_best_row_of_a_star_is_the_one_of_highest_signal(stars):
    ids, snr = np.asarray(stars["APOGEE_ID"]), np.nan_to_num(np.asarray(stars["SNR"], float), nan=-np.inf)
    expected = [
        bool(ids[i]) and any(ids[j] == ids[i] and (-snr[j], j) < (-snr[i], i) for j in range(len(ids)))
        for i in range(len(ids))
    ]
    assert_array_equal(duplicates(read_stars(stars)), expected)


@pytest.mark.parametrize("name", INPUTS)
def test_blocks_are_the_rows_of_the_table(name, inputs):
    whole = read_stars(inputs / name)
    for first, size in ((0, 173), (250, 173), (599, 10)):
        blocks = list(StarReader(inputs / name).blocks(size, first))
        assert [len(block) for block in blocks[:-1]] == [size] * (len(blocks) - 1)
        for column in whole.colnames:
            joined = np.concatenate([block[column] for block in blocks])
            assert_array_equal(joined, whole[column][first:])


def test_text_has_the_width_of_the_column_or_of_its_longest_value(inputs, tmp_path):
    stars = read_stars(inputs / "in.fits")
    longest = max(len(name) for name in stars["APSTAR_ID"])
    with_room = Table({name: np.asarray(stars[name]) for name in (*FEATURES, "TELESCOPE", "FIELD")})
    with_room["APOGEE_ID"] = stars["APOGEE_ID"].astype("S30")
    with_room.write(tmp_path / "in.fits")
    reader = StarReader(tmp_path / "in.fits")
    assert reader.text_width("APOGEE_ID") == 30
    parts = sum(reader.text_width(name) for name in ("TELESCOPE", "FIELD", "APOGEE_ID"))
    assert reader.text_width("APSTAR_ID") == parts + len("apogee..stars..")
    assert StarReader(inputs / "in.csv").text_width("APOGEE_ID") is None
    written = StarReader(write_catalog(inputs / "in.csv", tmp_path / "out.fits", chunk_rows=97, **OPTIONS))
    assert written.text_width("APSTAR_ID") == longest


@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError, ValueError])
@pytest.mark.parametrize("output", ["out.fits", "out.fits.gz", "out.ecsv", "out.parquet"])
def test_interruption_of_a_table_in_memory_leaves_nothing(output, failure, stars, tmp_path, monkeypatch):
    interrupt_after(2, monkeypatch, failure)
    with pytest.raises(failure):
        write_catalog(stars, tmp_path / output, chunk_rows=150, **OPTIONS)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("output", ["out.parquet", "out.fits", "out.fits.gz", "out.ecsv", "out.vot"])
def test_it_goes_on_after_an_interruption(output, inputs, tmp_path, monkeypatch):
    path = tmp_path / output
    expected = write_catalog(inputs / "in.csv", path, **OPTIONS).read_bytes()
    path.unlink()
    summary = CatalogSummary()
    arguments = {"chunk_rows": 110, "observe": summary.update, **OPTIONS}
    with monkeypatch.context() as patch:
        assert len(interrupt_after(3, patch)) == 0
        with pytest.raises(KeyboardInterrupt) as stop:
            write_catalog(inputs / "in.csv", path, **arguments)
    assert str(parts_folder(path)) in stop.value.__notes__[0]
    assert not path.exists()
    begun = interrupt_after(10, monkeypatch)
    assert write_catalog(inputs / "in.csv", path, **arguments).read_bytes() == expected
    assert begun == [110, 110, 50]
    assert os.listdir(tmp_path) == [output]
    assert summary.text() == summarize_catalog(read_catalog(path))


def test_a_folder_goes_on_after_an_interruption(inputs, tmp_path, monkeypatch):
    path = tmp_path / "out"
    with monkeypatch.context() as patch:
        interrupt_after(5, patch)
        with pytest.raises(KeyboardInterrupt):
            write_catalog(inputs / "folder", path, chunk_rows=50, **OPTIONS)
    assert os.listdir(tmp_path) == ["out.parts"]
    begun = interrupt_after(10, monkeypatch)
    write_catalog(inputs / "folder", path, chunk_rows=50, **OPTIONS)
    assert begun == [50] * 7
    assert os.listdir(tmp_path) == ["out"]
    assert sorted(os.listdir(path)) == sorted(f"part.{number}.parquet" for number in range(12))
    written, expected = read_catalog(path), build_catalog(inputs / "folder", **OPTIONS)
    for name in expected.colnames:
        assert_array_equal(np.asarray(written[name]), np.asarray(expected[name]), err_msg=name)


def test_chunks_of_another_run_are_not_taken_over(inputs, tmp_path, monkeypatch):
    source, path = tmp_path / "in.parquet", tmp_path / "out.parquet"
    shutil.copy(inputs / "in.parquet", source)
    cases = {
        "file": lambda: os.utime(source, ns=(1, 1)),
        "part": lambda: next(parts_folder(path).glob("*/part.0.arrow")).write_bytes(b"cut off"),
        "models": lambda: None,
    }
    for case, change in cases.items():
        with monkeypatch.context() as patch:
            interrupt_after(2, patch)
            with pytest.raises(KeyboardInterrupt):
                write_catalog(source, path, chunk_rows=200, overwrite=True, **OPTIONS)
        change()
        with monkeypatch.context() as patch:
            begun = interrupt_after(10, patch)
            options = {**OPTIONS, "masses": ("mass",)} if case == "models" else OPTIONS
            write_catalog(source, path, chunk_rows=200, overwrite=True, **options)
            # Pieces 0 and 1 were done: one of them is cut off, or both belong to another catalogue.
            assert begun == ([200] * 2 if case == "part" else [200] * 3), case


def test_bad_input_leaves_no_parts_and_is_named_by_its_row(inputs, tmp_path):
    lines = (inputs / "in.csv").read_text().splitlines()
    place = lines[0].split(",").index("LOGG")
    words = lines[1 + 432].split(",")
    words[place] = "bright"
    lines[1 + 432] = ",".join(words)
    bad = tmp_path / "bad.csv"
    bad.write_text("\n".join(lines))
    for output in ("out.parquet", "out.fits"):
        with pytest.raises(ValueError, match=r"column `LOGG`.* row 432 has the text 'bright'"):
            write_catalog(bad, tmp_path / output, chunk_rows=100, **OPTIONS)
    assert os.listdir(tmp_path) == ["bad.csv"]


def test_what_is_read_does_not_depend_on_a_word_elsewhere(inputs, tmp_path):
    """One blank that is spelled in an unusual way makes its chunk be read in another way."""
    lines = (inputs / "in.csv").read_text().splitlines()
    place = lines[0].split(",").index("C_FE")
    words = lines[1 + 300].split(",")
    words[place] = "NONE"
    lines[1 + 300] = ",".join(words)
    path = tmp_path / "in.csv"
    path.write_text("\n".join(lines))
    one = write_catalog(path, tmp_path / "one.parquet", **OPTIONS).read_bytes()
    assert write_catalog(path, tmp_path / "many.parquet", chunk_rows=90, **OPTIONS).read_bytes() == one


def test_summary_of_chunks_is_the_summary(stars, tmp_path):
    summary = CatalogSummary()
    path = write_catalog(stars, tmp_path / "out.fits", chunk_rows=77, observe=summary.update, **OPTIONS)
    assert summary.text() == summarize_catalog(read_catalog(path))


def test_quantiles_of_many_values():
    from skdistmass.report.summary import _Sample

    values = np.random.default_rng(0).lognormal(7, 1.5, 300_000)
    sample = _Sample()
    for block in np.array_split(values, 11):
        sample.add(block)
    for percent in (16, 50, 84):
        assert sample.percentile(percent) == pytest.approx(np.percentile(values, percent), rel=1e-3)


def test_progress_bar(stars, tmp_path, capsys):
    write_catalog(stars, tmp_path / "a.fits", chunk_rows=100, **OPTIONS)
    assert capsys.readouterr().err == ""
    write_catalog(stars, tmp_path / "b.fits", chunk_rows=100, progress=True, **OPTIONS)
    shown = capsys.readouterr().err
    assert "600/600" in shown
    assert "rows/s" in shown


def test_chunks_need_rows(stars, tmp_path):
    with pytest.raises(ValueError, match="chunk_rows must be a positive integer; received 0"):
        write_catalog(stars, tmp_path / "out.fits", chunk_rows=0)
    with pytest.raises(FileExistsError, match="overwrite=True"):
        write_catalog(stars, write_table(stars, tmp_path / "there.fits"))


def test_compressed_output_is_the_plain_file(stars, tmp_path):
    plain = write_catalog(stars, tmp_path / "a.fits", chunk_rows=200, **OPTIONS).read_bytes()
    packed = write_catalog(stars, tmp_path / "a.fits.gz", chunk_rows=90, **OPTIONS).read_bytes()
    assert gzip.decompress(packed) == plain
