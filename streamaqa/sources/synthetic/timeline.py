"""From a scene to the lifter's posture at any time, and to the true repetitions and errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from streamaqa.sources.synthetic.body import BodyShape
from streamaqa.sources.synthetic.idle import DISTRACTORS
from streamaqa.sources.synthetic.motion import FIVE_PER_CENT, MOTIONS, minimum_jerk
from streamaqa.sources.synthetic.others import OTHERS
from streamaqa.sources.synthetic.posture import Array, Channel, empty
from streamaqa.sources.synthetic.script import Fault, RepScript, Scene, Segment, SetScript

_NO_REPETITION = DISTRACTORS | OTHERS
RAMP = 0.3
"""Share of a fault's interval in which it comes, and again in which it goes."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One segment on the scene's clock."""

    segment: Segment
    start: float
    end: float


class Timeline:
    """The lifter's motion over a scene: segments, and between them the way from one posture to the next."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.clips = _lay_out(scene)
        self.duration = self.clips[-1].end
        """Seconds."""

    def posture(self, times: Array) -> Array:
        """(T, CHANNELS) at stream times (T,); before the start and after the end the lifter stands still."""
        times = np.clip(np.asarray(times, np.float64), 0.0, self.duration)
        out = empty(len(times))
        for i, clip in enumerate(self.clips):
            inside = (times >= clip.start) & (times <= clip.end)
            if inside.any():
                out[inside] = self._segment(clip, times[inside])
            if i + 1 < len(self.clips):
                following = self.clips[i + 1]
                between = (times > clip.end) & (times < following.start)
                if between.any():
                    out[between] = self._passage(clip, following, times[between])
        return out

    def _segment(self, clip: Clip, times: Array) -> Array:
        segment, body = clip.segment, self.scene.body
        if isinstance(segment, SetScript):
            out = set_posture(body, segment, times - clip.start)
        else:
            out = _NO_REPETITION[segment.kind](body, segment, times - clip.start)
            if segment.kind not in ("walk_in", "walk_out", "walk"):
                out[:, Channel.YAW] = np.radians(segment.view)
        out[:, Channel.FLOOR_X] += segment.station[0]
        out[:, Channel.FLOOR_Z] += segment.station[1]
        return out

    def _passage(self, clip: Clip, following: Clip, times: Array) -> Array:
        """Minimum-jerk way between two postures, with small steps where the feet have to turn or move."""
        first = self._segment(clip, np.array([clip.end]))[0]
        last = self._segment(following, np.array([following.start]))[0].copy()
        around = (last[Channel.YAW] - first[Channel.YAW] + np.pi) % (2.0 * np.pi) - np.pi
        last[Channel.YAW] = first[Channel.YAW] + around
        share = (times - clip.end) / (following.start - clip.end)
        out: Array = first + (last - first) * minimum_jerk(share)[:, None]
        away = np.hypot(*(last[:2] - first[:2]))
        stepping = min(1.0, abs(around) / 0.3 + away / 0.1)
        steps = max(2, round((following.start - clip.end) / 0.45))
        beat = np.sin(np.pi * steps * share) * minimum_jerk(4.0 * np.minimum(share, 1.0 - share))
        out[:, Channel.L_ANKLE_Y] += 0.05 * stepping * np.maximum(beat, 0.0)
        out[:, Channel.R_ANKLE_Y] += 0.05 * stepping * np.maximum(-beat, 0.0)
        out[:, Channel.PELVIS_X] += 0.02 * stepping * beat
        return out


def onsets(script: SetScript) -> list[float]:
    """When each repetition leaves standstill, seconds from the set's beginning."""
    out, clock = [], script.before
    for rep in script.reps:
        out.append(clock)
        clock += rep.first + rep.hold + rep.second + rep.rest
    return out


def true_times(rep: RepScript, onset: float) -> tuple[float, float, float]:
    """Start, turn and end: crossings of 5 % of the range, and the middle of the hold between."""
    turn = onset + rep.first + rep.hold / 2.0
    end = onset + rep.first + rep.hold + (1.0 - FIVE_PER_CENT) * rep.second
    return onset + FIVE_PER_CENT * rep.first, turn, end


def fault_interval(rep: RepScript, fault: Fault, onset: float) -> tuple[float, float]:
    """When a fault shows, seconds on the clock of `onset`."""
    start, _, end = true_times(rep, onset)
    return start + fault.start * (end - start), start + fault.end * (end - start)


def envelope(times: Array, start: float, end: float, *, early: bool = False) -> Array:
    """0 outside of the interval, 1 on its plateau, minimum-jerk ramps within; `early` ramps in before it."""
    ramp = RAMP * (end - start)
    lead = ramp if early else 0.0
    return minimum_jerk((times - start + lead) / ramp) * minimum_jerk((end - times) / ramp)


def set_posture(body: BodyShape, script: SetScript, times: Array) -> Array:
    """(T, CHANNELS) of a set at times (T,) from its beginning."""
    progress = np.zeros(len(times))
    degrees: dict[str, Array] = {}
    for rep, onset in zip(script.reps, onsets(script), strict=True):
        up = minimum_jerk((times - onset) / rep.first)
        down = minimum_jerk((times - onset - rep.first - rep.hold) / rep.second)
        # up less down is a rounding error below zero now and then, of which no power can be taken
        progress += rep.extent * np.maximum(up - down, 0.0)
        for fault in (*rep.faults, *rep.variation):
            if fault.error == "shallow":
                # Depth is decided for the whole repetition; it shows where the hips turn too early.
                shape = ((times >= onset) & (times < onset + rep.first + rep.hold + rep.second)).astype(float)
            else:
                shape = envelope(times, *fault_interval(rep, fault, onset), early=fault.start <= 0.0)
            degrees[fault.error] = degrees.get(fault.error, np.zeros(len(times))) + fault.magnitude * shape
    out = MOTIONS[script.exercise](body, script.style, progress, degrees)
    out[:, Channel.YAW] += np.radians(script.view)
    _sway(script, times, out)
    return out


def _sway(script: SetScript, times: Array, out: Array) -> None:
    """Nobody stands still: slow drift of pelvis, trunk and head of some millimetres, none of it upward."""
    phase, size = script.style.phase, script.style.sway
    slow = np.sin(1.1 * times + phase) + 0.5 * np.sin(2.3 * times + 1.7 * phase)
    other = np.sin(0.8 * times + 2.0 + phase)
    out[:, Channel.PELVIS_X] += size * 0.005 * slow
    for channel in (Channel.L_WRIST_X, Channel.R_WRIST_X, Channel.BAR_X):
        out[:, channel] += size * 0.005 * slow
    out[:, Channel.LOOK] += size * 0.03 * other
    out[:, Channel.YAW] += size * 0.015 * other


def _lay_out(scene: Scene) -> tuple[Clip, ...]:
    if not scene.segments:
        raise ValueError("a scene needs a segment")
    clips: list[Clip] = []
    clock = 0.0
    for segment in scene.segments:
        if clips:
            around = (segment.view - clips[-1].segment.view + 180.0) % 360.0 - 180.0
            # Half a second more for every 60 degrees: a comfortable turn on the spot.
            clock += scene.transition + abs(around) / 120.0
        clips.append(Clip(segment, clock, clock + segment.duration))
        clock = clips[-1].end
    return tuple(clips)
