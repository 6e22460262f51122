"""Where frames come from. `open_source` turns what a user writes into a source.

set.mp4            a video file of any container FFmpeg opens
set.npz            a recorded pose track
DIR                a recorded session: its poses; see `streamaqa.sources.recording`
synthetic:squat    the synthetic lifter, see `streamaqa.sources.synthetic`
0, /dev/video0     a V4L2 camera
rtsp://, http://   a stream, see `streamaqa.sources.live`
"""

from __future__ import annotations

import stat
from pathlib import Path

from streamaqa.errors import SourceError
from streamaqa.sources.address import is_live
from streamaqa.sources.base import PoseSource, Source, SourceInfo
from streamaqa.sources.settings import LiveSettings

__all__ = ["PoseSource", "Source", "SourceInfo", "open_source"]


def open_source(spec: str | int | Path, live: LiveSettings | None = None) -> Source | PoseSource:
    """Open what `spec` names. A camera or stream is opened when its frames are asked for, see `LiveSource`.

    Raises:
        SourceError: there is no such thing, or it cannot be opened; one line that says what would work.
    """
    text = str(spec)
    if text.startswith("synthetic:"):
        from streamaqa.sources.synthetic import from_spec

        return from_spec(text)
    if text == "webrtc":
        raise SourceError("webrtc: cannot be opened by this version; give a camera, a stream or a video file")
    if is_live(text):
        from streamaqa.sources.live import LiveSource

        return LiveSource(text, live)
    path = Path(text)
    if _is_folder(path):
        from streamaqa.sources.recording import RecordedPoses

        return RecordedPoses(path)
    if path.suffix == ".npz":
        from streamaqa.sources.pose_track import PoseTrackSource

        return PoseTrackSource(path)
    from streamaqa.sources.video import VideoSource

    return VideoSource(path)


def _is_folder(path: Path) -> bool:
    """Whether it is a folder; SourceError if it is neither that nor a file that may be read."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            with path.open("rb"):
                pass
    except FileNotFoundError:
        raise SourceError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise SourceError(f"{str(path)[:200]}: cannot be read: {reason}") from None
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise SourceError(f"{path}: neither a file nor a folder")
    return stat.S_ISDIR(mode)
