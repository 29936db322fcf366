"""`python -m incumbent` is the command `incumbent`."""

import sys

from incumbent.cli import main

if __name__ == "__main__":
    sys.exit(main())
