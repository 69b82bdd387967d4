"""Training beyond memory: a table on disk, in blocks, against the same table in memory.

Run ``python tests/benchmarks/bench_blocks.py [--rows 4000000] [--json FILE] [--folder DIR]``.

Stars of a simulated survey, repeated with small changes, in a Parquet file with magnitudes and errors. The
published network is fitted to all of them, and to a quarter, each in a fresh process; the times include the
reading of the file, but not the imports. Of the memory, what the process needs at its start is not counted.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import harness
import numpy as np
from harness import Result

from skdistmass.columns import FEATURES

BASE_ROWS = 200_000
NAMES = (*FEATURES, "ABS_MAG", "ABS_MAG_ERR")


def make(path, n_rows):
    """Write the training table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    X, y, sigma = harness.simulated_magnitudes(BASE_ROWS)
    rng, n_rows = np.random.default_rng(2), int(n_rows)
    schema = pa.schema([(name, pa.float64()) for name in NAMES])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, n_rows, BASE_ROWS):
            n = min(BASE_ROWS, n_rows - start)
            changed = X[:n] + 0.01 * X.std(axis=0) * rng.standard_normal((n, X.shape[1]))
            magnitude = y[:n] + 0.5 * sigma[:n] * rng.standard_normal(n)
            columns = [*changed.T, magnitude, sigma[:n]]
            writer.write_table(pa.table(dict(zip(NAMES, columns, strict=True)), schema=schema))
    return {}


def fit(path, in_memory):
    """Fit the network; return the time, the memory, the loss and the first kernel."""
    import pyarrow.dataset
    import pyarrow.parquet  # noqa: F401

    from skdistmass import DistanceRegressor
    from skdistmass.estimators.out_of_core import ParquetBlocks, fit_blocks

    few = np.random.default_rng(0).normal(size=(2, 30, 5))
    model = DistanceRegressor(random_state=0).fit(few[0], few[1, :, 0])
    before, start = harness.peak_gb(), time.perf_counter()
    blocks = ParquetBlocks(path, FEATURES, "ABS_MAG", "ABS_MAG_ERR", block_rows=2**18)
    if in_memory == "True":
        model.fit(*(np.concatenate(part) for part in zip(*blocks, strict=True)))
    else:
        fit_blocks(model, blocks, scratch=Path(path).parent)
    return {
        "seconds": time.perf_counter() - start,
        "peak_gb": harness.peak_gb() - before,
        "loss": model.loss_,
        "kernel": model.coefs_[0].tolist(),
    }


def main():
    """Run the benchmark."""
    harness.child({"make": make, "fit": fit})
    arguments = harness.parser(__doc__, 4_000_000)
    arguments.add_argument("--folder", help="where to write the tables (default: a temporary folder)")
    options = arguments.parse_args()
    done = {}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for rows in (options.rows // 4, options.rows):
            table = Path(folder) / f"{rows}.parquet"
            harness.fresh(__file__, "make", table, rows)
            done[rows] = [harness.fresh(__file__, "fit", table, in_memory) for in_memory in (False, True)]
    results = []
    for rows, (blocks, memory) in done.items():
        equal = blocks["loss"] == memory["loss"] and blocks["kernel"] == memory["kernel"]
        results.append(
            Result(
                "fit of a table on disk, in blocks",
                f"{rows} rows",
                blocks["seconds"],
                memory["seconds"],
                bar="the same network as in memory, to the last bit",
                met=equal,
                peak_gb=blocks["peak_gb"],
                note=f"baseline: in memory, {memory['peak_gb']:.2f} GB",
            )
        )
    harness.finish(results, options)


if __name__ == "__main__":
    main()
