"""Print branch coverage as a whole and of the files below a limit, from coverage's JSON report."""

from __future__ import annotations

import json
import sys
from pathlib import Path

LIMIT = 85.0

report = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
shares = {name: file["summary"]["percent_covered"] for name, file in report["files"].items()}
print(
    f"branch coverage {report['totals']['percent_covered']:.1f} % of {len(shares)} files; below {LIMIT:g} %:"
)
for name, share in sorted(shares.items(), key=lambda item: item[1]):
    if share < LIMIT:
        print(f"  {share:5.1f} % {name}")
