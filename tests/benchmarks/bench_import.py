"""Time of `import skdistmass` and of `skdistmass --help` in a fresh interpreter [s]: run as a script."""

import subprocess
import sys
import time

LIMIT = 0.5
COMMANDS = {
    "import skdistmass": "import skdistmass",
    "skdistmass --help": "import skdistmass.cli; skdistmass.cli.main(['--help'])",
}


def seconds(code, repeats=7):
    """Shortest of several runs, the start of the interpreter included."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    print(f"{'empty program':20s} {seconds('pass'):.3f} s")
    for name, code in COMMANDS.items():
        print(f"{name:20s} {seconds(code):.3f} s (limit {LIMIT} s)")
