"""The catalogue on Dask workers of this machine: two against one, one that dies half-way, and 10⁹ rows.

Run ``python tests/benchmarks/bench_dask.py [--rows 4000000] [--json FILE] [--folder DIR]``.

A folder of Parquet files (a simulated survey under other identifiers) becomes a folder of Parquet files,
without isochrones, on workers of one thread. The start of the cluster is not timed. Outputs are compared by
their contents. In the last run a worker is killed when a third of the files are written.

The estimate for 10⁹ rows on a cluster: the rows by the rate of a worker, or the tasks by the time that the
scheduler of this machine takes for one, measured with tasks that do nothing, whichever is longer.
"""

from __future__ import annotations

import hashlib
import os
import signal
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import _tiled
import harness
import numpy as np
from harness import Result


def digest(folder):
    """Hash the values of a catalogue, column by column, in the order of its rows."""
    from skdistmass.tables.open import open_source

    hashes = {}
    opened = open_source(folder)
    for block in opened.blocks(dict.fromkeys(opened.names, ""), 0, 2**17):
        for name, column in block.items():
            values = column[0]
            data = "\n".join(map(str, values)).encode() if values.dtype == object else values.tobytes()
            hashes.setdefault(name, hashlib.sha256()).update(data)
    return {name: value.hexdigest() for name, value in hashes.items()}


@contextmanager
def plain_cluster(workers):
    """Start workers with Dask's own settings."""
    from distributed import Client, LocalCluster

    options = {"threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(n_workers=workers, **options) as cluster, Client(cluster) as client:
        yield client


def run(source, output, workers, kill=False, plain=False):
    """Make the catalogue on so many workers; return the time [s] and the number of tasks."""
    from skdistmass import write_catalog
    from skdistmass.survey.dask import connect

    with plain_cluster(workers) if plain else connect(workers=workers) as client:
        client.wait_for_workers(workers)
        client.run(_warm_up)
        if kill:
            pid = next(iter(client.run(os.getpid).values()))
            threading.Thread(target=_kill_half_way, args=(pid, Path(output)), daemon=True).start()
        start = time.perf_counter()
        write_catalog(source, output, isochrone=False, progress=False, client=client)
        elapsed = time.perf_counter() - start
        return elapsed, client.run_on_scheduler(_finished_tasks)


def _finished_tasks(dask_scheduler):
    return sum(prefix.state_counts["memory"] for prefix in dask_scheduler.task_prefixes.values())


def seconds_a_task(n_tasks=20_000):
    """Time that the scheduler takes for a task, with two workers on this machine [s]."""
    from distributed import wait

    from skdistmass.survey.dask import connect

    with connect(workers=2) as client:
        client.wait_for_workers(2)
        wait(client.map(str, range(100), pure=False))
        start = time.perf_counter()
        futures = client.map(str, range(n_tasks), pure=False)
        wait(futures)
        return (time.perf_counter() - start) / n_tasks


def estimate(rows, workers, worker_rate, tasks_a_row, task_seconds):
    """Time of a large catalogue on a cluster, as a result."""
    by_workers, by_scheduler = rows / (workers * worker_rate), rows * tasks_a_row * task_seconds
    return Result(
        f"estimate: catalogue on {workers} workers",
        f"{rows:.0e} rows",
        max(by_workers, by_scheduler),
        note=f"{worker_rate:.3g} rows a second and worker; scheduler {by_scheduler:.3g} s",
    )


def _warm_up():
    import skdistmass.survey.dask  # noqa: F401


def _kill_half_way(pid, output):
    n_files = len(list(output.parent.glob("in/*.parquet")))
    while True:
        written = list(output.parent.rglob("*.parts/*/*.parquet"))
        if len(written) >= max(n_files // 3, 1):
            os.kill(pid, signal.SIGKILL)
            return
        time.sleep(0.05)


def main():
    """Run the benchmark."""
    options_parser = harness.parser(__doc__, 4_000_000)
    options_parser.add_argument("--folder", help="where to write the tables (default: a temporary folder)")
    options = options_parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        folder = Path(folder)
        _tiled.write_parquet_folder(folder / "in", options.rows)
        one, _ = run(folder / "in", folder / "one", 1)
        two, n_tasks = run(folder / "in", folder / "two", 2)
        plain, _ = run(folder / "in", folder / "plain", 2, plain=True)
        expected = digest(folder / "one")
        equal = digest(folder / "two") == expected
        with_death, _ = run(folder / "in", folder / "killed", 2, kill=True)
        survived = digest(folder / "killed") == expected
        task_seconds = seconds_a_task()
    size, speedup = f"{options.rows} rows", one / two
    scale = options.rows / two / 2, n_tasks / options.rows, task_seconds
    results = [
        Result(
            "catalogue on Dask, 2 workers against 1",
            size,
            two,
            one,
            bar=">= 1.7 x, equal output",
            met=bool(speedup >= 1.7 and equal),
            note=f"{options.rows / two:.3g} rows a second",
        ),
        Result("the same, against workers with Dask's own settings", size, two, plain),
        Result(
            "the same, a worker killed half-way",
            size,
            with_death,
            two,
            bar="completes, equal output",
            met=bool(survived and np.isfinite(with_death)),
        ),
        *(estimate(1e9, workers, *scale) for workers in (16, 64)),
    ]
    harness.finish(results, options)


if __name__ == "__main__":
    main()
