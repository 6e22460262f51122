"""`python -m streamaqa`, and the entry point of the `streamaqa` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line. Light on its own, so that Ctrl-C is handled from the first moment."""
    try:
        from streamaqa.cli import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
