"""Stores sessions so that they can be replayed; see `session` for what lies in a folder."""

from streamaqa.recording.recorder import Recorder
from streamaqa.recording.session import SessionRecord, SourceRecord
from streamaqa.recording.settings import RecordingSettings

__all__ = ["Recorder", "RecordingSettings", "SessionRecord", "SourceRecord"]
