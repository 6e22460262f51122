"""An RTSP server as a camera has one, for the tests: H.264 over TCP from a file, paced by its own times.

    /usr/bin/python3 rtsp_server.py FILE [--port N] [--user U --password P]

Runs under the system's Python, which alone has GStreamer's bindings. Says its port on standard output once it
serves. Each client begins at the start of the file; at its end the stream ends.
"""

import argparse
import sys
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402 - versions come first


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--port", default="0")
    parser.add_argument("--user")
    parser.add_argument("--password")
    given = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer(service=given.port)
    factory = GstRtspServer.RTSPMediaFactory()
    read, pay = f"filesrc location={given.file} ! matroskademux", "rtph264pay name=pay0 config-interval=-1"
    factory.set_launch(f"( {read} ! h264parse ! {pay} )")
    if given.user:
        _lock(server, factory, given.user, given.password)
    server.get_mount_points().add_factory("/live", factory)
    if not server.attach(None):
        sys.exit(f"port {given.port} is taken")
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


def _lock(server: Any, factory: Any, user: str, password: str) -> None:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role("viewer", "media.factory.access", True)
    permissions.add_permission_for_role("viewer", "media.factory.construct", True)
    factory.set_permissions(permissions)


if __name__ == "__main__":
    main()
