"""Where frames come from. `open_source` turns what a user writes into a source.

set.mp4            a video file of any container FFmpeg opens
set.npz            a recorded pose track
synthetic:squat    the synthetic lifter, see `streamaqa.sources.synthetic`
"""

from __future__ import annotations

import re
from pathlib import Path

from streamaqa.errors import SourceError
from streamaqa.sources.base import PoseSource, Source, SourceInfo

__all__ = ["PoseSource", "Source", "SourceInfo", "open_source"]

_LIVE = re.compile(r"^(\d+|/dev/.*|(rtsps?|https?|rtmp|udp|tcp)://.*|webrtc)$", re.IGNORECASE)


def open_source(spec: str | int | Path) -> Source | PoseSource:
    """Open what `spec` names.

    Raises:
        SourceError: there is no such thing, or it cannot be opened; one line that says what would work.
    """
    text = str(spec)
    if text.startswith("synthetic:"):
        from streamaqa.sources.synthetic import from_spec

        return from_spec(text)
    if _LIVE.match(text):
        raise SourceError(
            f"{_without_credentials(text)}: live cameras and streams cannot be opened by this version; "
            "give a video file, a pose track (.npz) or synthetic:squat"
        )
    path = Path(text).expanduser()
    if path.is_dir():
        raise SourceError(f"{text}: a folder; give a video file or a pose track (.npz)")
    if path.suffix == ".npz":
        from streamaqa.sources.pose_track import PoseTrackSource

        return PoseTrackSource(path)
    from streamaqa.sources.video import VideoSource

    return VideoSource(path)


def _without_credentials(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//", address)
