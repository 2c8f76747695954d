"""``python -m paod`` is ``paod``."""

import sys

from paod.cli import main

if __name__ == "__main__":
    sys.exit(main())
