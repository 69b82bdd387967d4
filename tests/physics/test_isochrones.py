"""The shipped isochrone tables against the literature and the grids that they come from."""

import importlib.util
from dataclasses import fields
from importlib import resources
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from skdistmass.physics.giants import LOG_MASSES, load_giant_ages, log_age_of_mass, log_age_shift
from skdistmass.physics.initial_mass_function import kroupa_imf, kroupa_imf_integral
from skdistmass.physics.isochrones import (
    cell_widths,
    load_isochrone_grid,
    load_isochrones,
    total_metallicity,
)


@pytest.fixture(scope="module")
def table():
    return load_isochrones()


def select(table, m_h, log_age, phase):
    return (
        np.isclose(table.m_h, m_h, atol=1e-3)
        & np.isclose(table.log_age, log_age, atol=1e-3)
        & (table.phase == phase)
    )


def source_grid(name):
    """Columns, metallicities, ages and blocks of a grid of the package the tables were made from."""
    spec = importlib.util.find_spec("lachesis_grids")
    if spec is None:
        pytest.skip("lachesis_grids, the source of the tables, is not installed")
    h5py = pytest.importorskip("h5py", reason="h5py reads the source of the tables")
    with h5py.File(Path(spec.origin).parent / "grids" / name) as h5:
        columns = {str(column): i for i, column in enumerate(h5.attrs["columns"])}
        starts = np.concatenate([[0], np.cumsum(h5["lengths"][:])])
        return columns, h5["feh_values"][:], h5["age_values"][:], h5["values"][:].astype(float), starts


def source_isochrone(name, m_h, log_age):
    columns, m_hs, ages, values, starts = source_grid(name)
    block = np.argmin(abs(m_hs - m_h)) * len(ages) + np.argmin(abs(ages - log_age))
    rows = values[starts[block] : starts[block + 1]]
    rows = rows[np.isfinite(rows[:, columns["initial_mass"]])]
    return {column: rows[:, i] for column, i in columns.items()}


class TestInitialMassFunction:
    @pytest.mark.parametrize("limits", [(0.01, 0.08), (0.05, 0.3), (0.08, 0.5), (0.3, 2.0), (1.0, 120.0)])
    def test_integral_is_that_of_the_density(self, limits):
        numeric = quad(kroupa_imf, *limits, points=[m for m in (0.08, 0.5) if limits[0] < m < limits[1]])[0]
        assert kroupa_imf_integral(*limits) == pytest.approx(numeric, rel=1e-7)

    @pytest.mark.parametrize("edge", [0.08, 0.5])
    def test_continuous_at_the_edges(self, edge):
        below, above = kroupa_imf(edge * np.array([1 - 1e-9, 1 + 1e-9]))
        assert below == pytest.approx(above, rel=1e-7)

    def test_mean_mass(self):
        # A closed form of the three power laws gives 0.38 Msun.
        edges = [0.01, 0.08, 0.5, 120.0]
        mean = sum(quad(lambda m: m * kroupa_imf(m), a, b)[0] for a, b in pairwise(edges))
        assert 0.35 < mean < 0.40

    def test_outside_zero_and_missing_missing(self):
        np.testing.assert_array_equal(kroupa_imf([0.005, 200.0, np.nan]), [0.0, 0.0, np.nan])

    def test_whole_range_is_one_star_and_direction_is_a_sign(self):
        assert kroupa_imf_integral(0.01, 120.0) == pytest.approx(1.0)
        assert kroupa_imf_integral(2.0, 1.0) == -kroupa_imf_integral(1.0, 2.0)


def test_cell_widths_add_up_and_stop_at_gaps():
    values = np.array([0.0, 1.0, 4.0, np.nan, 10.0, 12.0])
    widths = cell_widths(values)
    np.testing.assert_allclose(widths, [0.5, 2.0, 1.5, np.nan, 1.0, 1.0])
    np.testing.assert_allclose(cell_widths([0.0, 2.0, 1.0]), [1.0, 1.0, 0.0])


class TestGiantAges:
    # Mean initial mass of red giants (first) and clump stars (second) of MIST, which enclose the mean of all.
    @pytest.mark.parametrize(
        ("fe_h", "log_age", "masses"),
        [
            (0.0, 9.0, (2.06, 2.19)),
            (0.0, 9.5, (1.436, 1.449)),
            (0.0, 10.0, (1.038, 1.042)),
            (0.0, 10.15, (0.943, 0.945)),
            (-0.5, 9.5, (1.299, 1.299)),
            (0.5, 10.0, (1.108, 1.108)),
        ],
    )
    def test_masses_of_the_grid(self, fe_h, log_age, masses):
        ages = load_giant_ages()
        mass = ages.initial_mass[np.isclose(ages.log_age, log_age), np.isclose(ages.fe_h, fe_h)]
        assert masses[0] * 0.995 < mass.item() < masses[1] * 1.005

    def test_covers_what_is_asked(self):
        ages = load_giant_ages()
        inside = (ages.fe_h >= -0.5) & (ages.fe_h <= 0.5)
        assert (ages.current_mass[0, inside] > 8.0).all()
        assert (ages.current_mass[-1, inside] < 0.92).all()
        assert ages.fe_h.min() == -2.5
        assert ages.fe_h.max() == 0.5

    def test_older_giants_have_lower_masses_and_all_have_lost_some(self):
        ages = load_giant_ages()
        for mass in (ages.initial_mass, ages.current_mass):
            assert np.isfinite(mass).all()
            assert (np.diff(mass, axis=0) < 0).all()
        assert (ages.current_mass < ages.initial_mass).all()
        old = np.isclose(ages.log_age, 10.0), np.isclose(ages.fe_h, 0.0)
        # Between giants at the base of the branch, which lost nothing, and clump stars, which lost 0.04 Msun.
        assert 0.005 < (ages.initial_mass[old] - ages.current_mass[old]).item() < 0.04

    def test_main_sequence_lifetime(self):
        # A star of one solar mass leaves the main sequence after about 10 Gyr (log age 10.0) and is a giant
        # 1-2 Gyr later.
        ages = load_giant_ages()
        solar = ages.initial_mass[:, np.isclose(ages.fe_h, 0.0)].ravel()
        age = 10 ** (np.interp(-1.0, -solar, ages.log_age) - 9)
        assert 10.5 < age < 12.5

    # Clump stars of 1 and 10 Gyr: initial masses 2.19 and 1.042; those of 10 Gyr have lost about 0.04 Msun.
    def test_clump_and_branch_enclose_the_mean(self):
        ages = load_giant_ages()
        old = ages.log_age >= 9.6
        assert (ages.clump_mass[old] < ages.current_mass[old]).all()
        assert (ages.current_mass[old] < ages.branch_mass[old]).all()
        for log_age, lost in ((9.0, (0.0, 0.02)), (10.0, (0.035, 0.045))):
            at = np.isclose(ages.log_age, log_age), np.isclose(ages.fe_h, 0.0)
            initial = {9.0: 2.19, 10.0: 1.042}[log_age]
            assert lost[0] < initial - ages.clump_mass[at].item() < lost[1]
        for mass in (ages.clump_mass, ages.branch_mass):
            assert (np.diff(mass, axis=0) < 0).all()

    def test_log_ages_are_those_of_the_masses(self):
        ages = load_giant_ages()
        for state, masses in enumerate((ages.current_mass, ages.branch_mass, ages.clump_mass)):
            expected = log_age_of_mass(LOG_MASSES, masses, ages.log_age)
            np.testing.assert_allclose(ages.log_age_table[..., state], expected, rtol=1e-12)

    def test_agrees_with_the_source(self):
        star = source_isochrone("mist_v2.5_vvcrit0.4.h5", -0.25, 9.7)
        giant = np.isin(star["phase"], (2, 3, 4)) & (star["log_g"] < 3.5)
        # Midpoint rule over intervals instead of a sum over points.
        mass = star["initial_mass"]
        middle = (mass[1:] + mass[:-1]) / 2
        weight = kroupa_imf(middle) * np.diff(mass).clip(0) * (giant[1:] & giant[:-1])
        ages = load_giant_ages()
        ours = ages.initial_mass[np.isclose(ages.log_age, 9.7), np.isclose(ages.fe_h, -0.25)]
        assert ours.item() == pytest.approx(np.average(middle, weights=weight), rel=1e-3)


class TestLogAgeShift:
    PUBLISHED = (-0.5, 0.5)

    def test_it_leads_from_all_giants_to_the_masses_of_the_table(self):
        # A star of the mean mass of a state at some age and metallicity gets that age.
        ages = load_giant_ages()
        for m_h in (-2.5, -1.5, -0.5, 0.0, 0.5):
            column = np.flatnonzero(np.isclose(ages.fe_h, m_h)).item()
            reference = np.flatnonzero(np.isclose(ages.fe_h, np.clip(m_h, *self.PUBLISHED))).item()
            for p_rc, masses in (
                (1.0, ages.clump_mass),
                (0.0, ages.branch_mass),
                (np.nan, ages.current_mass),
            ):
                old = (masses[:, column] > 0.7) & (masses[:, column] < 8.0)
                mass, n = masses[old, column], old.sum()
                every = log_age_of_mass(np.log10(mass), ages.current_mass, ages.log_age)[:, reference]
                shift = log_age_shift(mass, np.full(n, m_h), np.full(n, p_rc), self.PUBLISHED)
                np.testing.assert_allclose(every + shift, ages.log_age[old], atol=3e-3)

    def test_nothing_is_added_to_the_mean_giant_inside(self):
        mass, m_h = np.meshgrid(np.linspace(0.6, 9.0, 40), np.linspace(-0.5, 0.5, 21))
        shift = log_age_shift(mass.ravel(), m_h.ravel(), np.full(mass.size, np.nan), self.PUBLISHED)
        np.testing.assert_allclose(shift, 0.0, atol=1e-12)

    def test_mixture_and_no_step_at_the_border(self):
        mass, m_h = np.full(4, 1.1), np.array([-0.5 - 1e-9, -0.5, -0.5, -0.5])
        shift = log_age_shift(mass, m_h, np.array([0.5, 0.5, 0.0, 1.0]), self.PUBLISHED)
        assert shift[0] == pytest.approx(shift[1], abs=1e-6)
        assert shift[1] == pytest.approx((shift[2] + shift[3]) / 2)
        assert shift[2] > 0 > shift[3]

    def test_rows_are_independent_and_missing_ones_stay(self):
        rng = np.random.default_rng(0)
        stars = rng.uniform([0.55, -2.6, 0.0], [10.0, 0.6, 1.0], (500, 3)).T
        stars[rng.integers(0, 3, 50), rng.integers(0, 500, 50)] = np.nan
        whole = log_age_shift(*stars, self.PUBLISHED)
        one = [log_age_shift(*stars[:, i : i + 1], self.PUBLISHED)[0] for i in range(500)]
        np.testing.assert_array_equal(whole, one)
        np.testing.assert_array_equal(np.isnan(whole), np.isnan(stars[:2]).any(axis=0))


class TestTotalMetallicity:
    def test_solar_mixture_and_missing(self):
        np.testing.assert_allclose(total_metallicity([-1.0, 0.3], 0.0), [-1.0, 0.3], atol=1e-12)
        np.testing.assert_array_equal(np.isnan(total_metallicity([np.nan, 0.0], [0.1, np.nan])), True)

    @pytest.mark.parametrize("alpha_m", [-0.1, 0.2, 0.4])
    def test_mass_fraction_of_metals(self, alpha_m):
        # Number and atomic mass of C, N, Fe, Ni, Na, Al and of the α elements O, Ne, Mg, Si, S, Ca, Ti in the
        # photosphere of the Sun (Asplund et al. 2009, ARA&A 47, 481): the sum of the metals by mass must grow
        # by the same factor.
        rest = [(8.43, 12.01), (7.83, 14.01), (7.50, 55.85), (6.22, 58.69), (6.24, 22.99), (6.45, 26.98)]
        alpha = [(8.69, 16.0), (7.93, 20.18), (7.60, 24.31), (7.51, 28.09), (7.12, 32.06), (6.34, 40.08)]
        alpha.append((4.95, 47.87))
        z_rest, z_alpha = (sum(10.0**number * mass for number, mass in part) for part in (rest, alpha))
        expected = np.log10((z_rest + 10.0**alpha_m * z_alpha) / (z_rest + z_alpha))
        assert total_metallicity(-0.5, alpha_m) == pytest.approx(-0.5 + expected, abs=0.01)


@pytest.mark.parametrize(
    ("name", "limit"), [("giant_ages_mist.npz", 200_000), ("isochrones_parsec.npz", 4_000_000)]
)
def test_files_are_small_and_say_where_they_come_from(name, limit):
    path = resources.files("skdistmass.data").joinpath(name)
    assert len(path.read_bytes()) <= limit
    load = load_giant_ages if name.startswith("giant") else load_isochrones
    provenance = load().provenance
    assert {"grid", "source", "cuts", "date", "citation"} <= provenance.keys()
    assert len(provenance["source"]["sha256"]) == 64


class TestIsochrones:
    def test_columns_are_whole_and_read_only(self, table):
        for name in (field.name for field in fields(table) if field.name != "provenance"):
            values = getattr(table, name)
            assert values.dtype == np.float32
            assert values.shape == (len(table),)
            assert np.isfinite(values).all()
            assert not values.flags.writeable
        assert (table.weight > 0).all()
        assert set(np.unique(table.phase)) == {1, 2, 3, 4, 5}
        assert np.diff(np.unique(table.m_h)).max() < 0.0501
        assert (table.m_h.min(), table.m_h.max()) == (-2.0, 0.5)
        np.testing.assert_allclose(np.unique(table.log_age), np.arange(8.0, 10.16, 0.05), atol=1e-5)

    def test_sun(self, table):
        near = np.flatnonzero(select(table, 0.0, 9.65, 1))
        sun = near[np.argmin(abs(table.initial_mass[near] - 1))]
        # The grid's Sun is 70-100 K too hot; M_Ks = 3.27 of Willmer (2018, ApJS 236, 47).
        assert table.teff[sun] == pytest.approx(5772, abs=120)
        assert table.log_g[sun] == pytest.approx(4.438, abs=0.03)
        assert table.abs_mag_k[sun] == pytest.approx(3.27, abs=0.05)
        assert table.abs_mag_j[sun] - table.abs_mag_k[sun] == pytest.approx(0.36, abs=0.03)

    def test_red_clump(self, table):
        near = (table.phase == 4) & np.isclose(table.m_h, -0.1, atol=0.01) & (table.log_age > 9.3)
        order = np.argsort(table.abs_mag_k[near])
        cumulative = np.cumsum(table.weight[near][order])
        median = np.interp(0.5 * cumulative[-1], cumulative, table.abs_mag_k[near][order])
        # Laney, Joner & Pietrzynski (2012): M_Ks = -1.613 +- 0.015 in the solar neighbourhood.
        assert median == pytest.approx(-1.613, abs=0.08)

    @pytest.mark.parametrize("m_h", [-1.0, -0.7, -0.5, 0.0])
    def test_tip_of_the_red_giant_branch(self, table, m_h):
        tip = table.abs_mag_k[select(table, m_h, 10.05, 3)].min()
        # Valenti, Ferraro & Origlia (2004): M_K = -6.98 - 0.58 [M/H], scatter 0.16.
        assert tip == pytest.approx(-6.98 - 0.58 * m_h, abs=0.16)

    def test_stefan_boltzmann(self, table):
        # Bolometric corrections in K of FGK stars lie between 1 and 3 mag.
        mass, teff = table.mass.astype(float), table.teff.astype(float)
        log_l = np.log10(mass) - (table.log_g - 4.438) + 4 * np.log10(teff / 5772)
        correction = 4.74 - 2.5 * log_l - table.abs_mag_k
        cool = (table.teff > 4000) & (table.teff < 6000)
        assert correction[cool].min() > 1.0
        assert correction[cool].max() < 3.1

    @pytest.mark.parametrize(("m_h", "log_age"), [(0.0, 9.0), (-0.6, 9.5), (0.3, 10.0)])
    def test_weights_count_the_stars(self, table, m_h, log_age):
        one = np.isclose(table.m_h, m_h, atol=1e-3) & np.isclose(table.log_age, log_age, atol=1e-3)
        born = table.initial_mass[one]
        years = 10 ** (log_age + 0.025) - 10 ** (log_age - 0.025)
        expected = kroupa_imf_integral(born.min(), born.max()) * years
        assert table.weight[one].sum() == pytest.approx(expected, rel=0.01)

    def test_star_formation_ends_with_the_age_of_the_universe(self, table):
        # The same mass range on the oldest isochrone and the one before: the ratio is that of the intervals.
        counts = []
        for log_age in (10.10, 10.15):
            one = select(table, 0.0, log_age, 1) & (table.initial_mass > 0.3) & (table.initial_mass < 0.8)
            counts.append(table.weight[one].sum(dtype=float))
        expected = (13.8 - 10**1.125) / (10**1.125 - 10**1.075)
        assert counts[1] / counts[0] == pytest.approx(expected, rel=0.02)

    def test_nodes_are_those_of_the_source(self, table):
        star = source_isochrone("parsec_v1.25.h5", -0.5, 9.7)
        giants = select(table, -0.5, 9.7, 3)
        branch = star["phase"] == 3
        assert giants.sum() == branch.sum()
        np.testing.assert_allclose(table.teff[giants], star["Teff"][branch], rtol=2e-5)
        np.testing.assert_allclose(table.log_g[giants], star["log_g"][branch], atol=1e-4)
        np.testing.assert_allclose(table.mass[giants], star["star_mass"][branch], atol=1e-4)

    def test_interpolated_metallicities_follow_the_source(self, table):
        # Half way between nodes twice as far apart as the true ones, at equal gravity on the giant branch.
        star = source_isochrone("parsec_v1.25.h5", -0.25, 9.7)
        branch = star["phase"] == 3
        tracks = []
        for m_h in (-0.5, 0.0):
            giants = select(table, m_h, 9.7, 3)
            order = np.argsort(table.log_g[giants])
            tracks.append((table.log_g[giants][order], table.teff[giants][order]))
        log_g = np.linspace(0.8, 3.2, 25)
        middle = np.mean([np.interp(log_g, *track) for track in tracks], axis=0)
        order = np.argsort(star["log_g"][branch])
        truth = np.interp(log_g, star["log_g"][branch][order], star["Teff"][branch][order])
        assert abs(middle - truth).max() < 40.0  # a quarter of it with the true nodes

    def test_coarser_steps_are_subsets(self, table):
        coarse = load_isochrones(m_h_step=0.25)
        assert len(np.unique(coarse.m_h)) == 11
        at = select(coarse, -1.0, 9.0, 4), select(table, -1.0, 9.0, 4)
        np.testing.assert_array_equal(coarse.abs_mag_k[at[0]], table.abs_mag_k[at[1]])

    def test_grid_and_table_hold_the_same_points(self, table):
        grid = load_isochrone_grid()
        m, a = np.argmin(abs(grid.m_h + 0.5)), np.argmin(abs(grid.log_age - 9.5))
        there = grid.weight[m, a] > 0
        one = np.isclose(table.m_h, -0.5, atol=1e-3) & np.isclose(table.log_age, 9.5, atol=1e-3)
        np.testing.assert_allclose(table.weight[one], grid.weight[m, a, there], rtol=1e-6)
        np.testing.assert_allclose(
            table.teff[one], 10.0 ** grid.log_teff[m, a, there].astype(float), rtol=1e-6
        )
        np.testing.assert_array_equal(table.abs_mag_k[one], grid.abs_mag_k[m, a, there])

    def test_grid_has_equal_phases_side_by_side_and_is_read_only(self):
        grid = load_isochrone_grid()
        assert grid.log_g.shape == (len(grid.m_h), len(grid.log_age), grid.log_g.shape[-1])
        for name in ("log_age", "log_g", "weight", "age_width"):
            assert not getattr(grid, name).flags.writeable
        # The tip of the red giant branch ends the first part; what follows it is fainter in old stars.
        tip = grid.n_before_gap - 1
        assert (grid.phase[..., tip] == 3).all()
        old = grid.log_age > 9.4
        assert (grid.abs_mag_k[..., tip] < grid.abs_mag_k[..., tip + 1])[:, old].all()

    @pytest.mark.parametrize("step", [0.0, -0.1, np.nan, np.inf])
    def test_step_must_be_positive(self, step):
        with pytest.raises(ValueError, match="m_h_step"):
            load_isochrones(m_h_step=step)
