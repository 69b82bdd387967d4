"""Throughput of the parallax functions, in stars a second: python tests/benchmarks/bench_parallax.py."""

import time

import numpy as np

from skdistmass.physics import parallax as plx


def rate(function, *arrays):
    """Stars a second, best of three."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        function(*arrays)
        seconds.append(time.perf_counter() - start)
    return len(arrays[0]) / min(seconds)


def main():
    """Measure on stars of the parallaxes and errors of a survey."""
    rng = np.random.default_rng(0)
    n = 1_000_000
    parallax, error = rng.normal(0.8, 0.8, n), 10 ** rng.uniform(-2, -0.3, n)
    magnitude, nu_eff, latitude = rng.uniform(7, 18, n), rng.uniform(1.2, 1.7, n), rng.uniform(-90, 90, n)
    few = slice(None, n // 10)
    print(
        f"zero_point      {rate(plx.zero_point, magnitude, nu_eff, nu_eff, latitude, np.full(n, 31)):12,.0f}"
    )
    print(f"edsd_mode       {rate(plx.edsd_mode, parallax, error):12,.0f}")
    print(f"edsd_quantiles  {rate(plx.edsd_quantiles, parallax[few], error[few]):12,.0f}")


if __name__ == "__main__":
    main()
