"""Write the schemas and examples anew: `python -m streamaqa.delivery.schema`."""

from __future__ import annotations

import sys

from streamaqa.delivery.schema import FOLDER, write

for path in write():
    sys.stdout.write(f"{path.relative_to(FOLDER)}\n")
