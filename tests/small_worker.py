"""A worker that only says that it is ready, and starts at once: `small_worker.py READY HOW PORT`.

READY is a file with what `/ready` answers; HOW is `well`, `broken` (dies at once), `unusable` (says why and
exits with 2) or `mute` (answers `/ready` once, and then nothing).
"""

from __future__ import annotations

import http.server
import os
import sys
import threading
import time
from pathlib import Path


def main(ready: str, how: str, port: str) -> int:
    if how == "broken":
        sys.stderr.write("Segmentation fault, as it were\n")
        return 139
    if how == "unusable":
        sys.stderr.write("streamaqa: models/none: no weights there\n")
        return 2
    body, asked = Path(ready).read_bytes(), 0

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            nonlocal asked
            asked += 1
            if how == "mute" and asked > 1:
                time.sleep(60)
            right = self.headers["Authorization"] == f"Bearer {os.environ['STREAMAQA_WORKER__TOKEN']}"
            self.send_response(200 if right else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    sys.stdin.buffer.read()  # until whoever started us is gone
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
