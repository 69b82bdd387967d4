"""``python -m skdistmass`` is the command ``skdistmass``."""

import sys

from skdistmass.cli import main

if __name__ == "__main__":
    sys.exit(main())
