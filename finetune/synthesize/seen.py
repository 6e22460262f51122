"""Where an error can be seen: the label's rule, by measure.

The same motion is worked out with and without the fault, and both are projected. How far the joints that the
fault moves lie apart in the picture, in parts of the lifter's height there, is how much of the fault is to be
seen at that moment; a joint that is hidden by body, plate or a thing in front, or is outside of the picture,
does not count. Knees that come in while the legs are straight, or forward in a view from the front, move
nothing in the picture, and neither do elbows at lock-out: no label there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from finetune.synthesize.encode import FPS
from finetune.synthesize.figure import PLATE_MIDDLE
from finetune.synthesize.shot import Lens, Shot
from streamaqa.sources.synthetic.landmarks import HIDDEN, OUTSIDE, mediapipe_points, visibility
from streamaqa.sources.synthetic.posture import Array, Channel, Joint, Skeleton, skeleton, unit
from streamaqa.sources.synthetic.script import SetScript
from streamaqa.sources.synthetic.timeline import set_posture

VISIBLE: Final = 0.02
"""Of the lifter's height: what the joints must have moved at least. 1.5 pixels at the usual 75 of 112."""
SHORTEST: Final = 0.2
"""Seconds. What shows for less is no label."""
SHOWN: Final = 0.5
"""Visibility above which a landmark counts as to be seen."""
GAP: Final = 3
"""Frames for which an error may be out of sight without its interval being cut in two."""


@dataclass(frozen=True, slots=True)
class Sign:
    """What gives an error away in the picture."""

    joints: tuple[tuple[Joint, int], ...]
    """Joints, each with the landmark that says whether it shows."""
    axis: Literal["any", "across", "off_trunk"] = "any"
    """Which movement counts: any, to the side in the picture, or at right angles to the trunk."""


_KNEES: Final = ((Joint.L_KNEE, 25), (Joint.R_KNEE, 26))
_HIPS: Final = ((Joint.L_HIP, 23), (Joint.R_HIP, 24))
SIGNS: Final[dict[str, Sign]] = {
    # From the front a knee that goes forward only sinks a little, as it does in any squat.
    "knees_forward": Sign(_KNEES, "across"),
    "knees_inward": Sign(_KNEES, "across"),
    "shallow": Sign(_HIPS),
    "elbows": Sign(((Joint.L_ELBOW, 13), (Joint.R_ELBOW, 14))),
    "knees": Sign((*_KNEES, *_HIPS)),
    "torso_angle": Sign(((Joint.L_SHOULDER, 11), (Joint.R_SHOULDER, 12))),
    # The spine has no landmark: its middle shows as long as a shoulder does.
    "lumbar": Sign(((Joint.WAIST, 11), (Joint.CHEST, 11), (Joint.WAIST, 12), (Joint.CHEST, 12)), "off_trunk"),
}
"""By the error's wire name."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What is to be seen of a shot's lifter."""

    bones: Skeleton
    image: Array
    """(T, 33, 2) MediaPipe's landmarks as shares of the picture."""
    world: Array
    """(T, 33, 3) metres in the camera's axes, from the middle of the hips."""
    shown: Array
    """(T, 33) 0 to 1: visibility, things in front of the lifter and plates included."""
    seen: dict[str, Array]
    """Error to (T,) how far it moves its joints in the picture, in parts of the lifter's height. 0 where they
    are hidden."""

    def intervals(self, error: str, times: Array) -> list[tuple[float, float]]:
        """When the error is to be seen, seconds, in hundredths."""
        if error not in self.seen:
            return []
        return [
            (round(float(times[a]), 2), math.floor(100.0 * (float(times[b]) + 1.0 / FPS) + 1e-6) / 100.0)
            for a, b in runs(self.seen[error] >= VISIBLE)
        ]


def look(shot: Shot, lens: Lens) -> Sight:
    """Work out one shot: joints, what the camera sees of them, and how much of each fault."""
    body, script = shot.scene.body, shot.script
    bones = _bones(shot, script)
    points = mediapipe_points(body, bones)
    camera = lens.view.to_camera(points)
    hips = lens.view.to_camera(bones[Joint.PELVIS])
    image = lens.on_canvas(lens.view.project(camera)) / lens.canvas
    shown = visibility(body, bones, camera, lens.view)
    shown[_behind_plates(shot, lens, bones, camera)] = HIDDEN
    shown[_behind_screens(shot, image)] = HIDDEN
    shown[~((image >= 0.0) & (image < 1.0)).all(axis=-1)] = OUTSIDE
    height = lens.view.focal * body.height / (hips[:, 2] * lens.canvas)
    seen = {}
    for error in dict.fromkeys(fault.error for fault in script.reps[0].faults):
        moved = _moved(SIGNS[error], lens, bones, _bones(shot, _without(shot, error)))
        seen[error] = np.where(_showing(shown, error), moved / height[:, None], 0.0).max(axis=1)
    return Sight(bones, image, camera - hips[:, None], shown, seen)


def hideable(sight: Sight, errors: tuple[str, ...]) -> float:
    """The smallest share of frames in which any of the errors' joints shows: how well one can judge them."""
    return min(float(_showing(sight.shown, error).any(axis=1).mean()) for error in errors)


def runs(seen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last frame of each run of True that is long enough, short gaps closed."""
    at = np.flatnonzero(seen)
    if not len(at):
        return []
    parts = np.split(at, np.flatnonzero(np.diff(at) > GAP + 1) + 1)
    # A frame more, since an interval is rounded inward to hundredths of a second.
    least = SHORTEST * FPS + 1
    return [(int(part[0]), int(part[-1])) for part in parts if part[-1] - part[0] + 1 >= least]


def _moved(sign: Sign, lens: Lens, bones: Skeleton, without: Skeleton) -> Array:
    """(T, joints) how far the fault moves them, in parts of the picture."""
    joints = [joint for joint, _ in sign.joints]
    apart = lens.in_picture(bones.joints[:, joints]) - lens.in_picture(without.joints[:, joints])
    if sign.axis == "across":
        return np.asarray(np.abs(apart[..., 0]))
    if sign.axis == "any":
        return np.hypot(apart[..., 0], apart[..., 1])
    ends = lens.in_picture(bones.joints[:, [Joint.PELVIS, Joint.COLLAR]])
    trunk = unit(ends[:, 1] - ends[:, 0])[:, None]
    return np.asarray(np.abs(trunk[..., 0] * apart[..., 1] - trunk[..., 1] * apart[..., 0]))


def _showing(shown: Array, error: str) -> NDArray[np.bool_]:
    """(T, joints) whether each joint that gives the error away can be seen."""
    return np.asarray(shown[:, [landmark for _, landmark in SIGNS[error].joints]] > SHOWN)


def _bones(shot: Shot, script: SetScript) -> Skeleton:
    posture = set_posture(shot.scene.body, script, shot.times)
    posture[:, [Channel.FLOOR_X, Channel.FLOOR_Z]] += script.station
    return skeleton(shot.scene.body, posture)


def _without(shot: Shot, error: str) -> SetScript:
    """The shot's script with everything but that fault."""
    script = shot.script
    faults = tuple(fault for fault in script.reps[0].faults if fault.error != error)
    return replace(script, reps=(replace(script.reps[0], faults=faults),))


def _behind_plates(shot: Shot, lens: Lens, bones: Skeleton, camera: Array) -> NDArray[np.bool_]:
    """(T, 33) whether a plate hides the landmark: whether it cuts the line of sight."""
    middle = bones[Joint.BAR]
    axis = unit(bones[Joint.BAR_LEFT] - middle)
    out = np.zeros(camera.shape[:2], np.bool_)
    toward = np.einsum("tlk,tk->tl", camera, axis @ lens.view.axes.T)
    for side in (1.0, -1.0):
        centre = lens.view.to_camera(middle + side * PLATE_MIDDLE * axis)
        along = np.sum(centre * (axis @ lens.view.axes.T), axis=-1)
        share = along[:, None] / np.where(np.abs(toward) < 1e-6, 1e-6, toward)
        gap = share[..., None] * camera - centre[:, None]
        near = np.einsum("tlk,tlk->tl", gap, gap) < shot.scene.room.plate_radius**2
        out |= near & (share > 0.0) & (share < 1.0)
    return out


def _behind_screens(shot: Shot, image: Array) -> NDArray[np.bool_]:
    """(T, 33) whether something in front of the lifter hides the landmark."""
    out = np.zeros(image.shape[:2], np.bool_)
    for screen in shot.screens:
        out |= _inside(image, screen.at(shot.times))
    return out


def _inside(points: Array, outline: Array) -> NDArray[np.bool_]:
    """(T, L) whether points (T, L, 2) lie in convex outlines (T, K, 2), whichever way those run."""
    left = np.ones(points.shape[:2], np.bool_)
    right = left.copy()
    x, y = np.ascontiguousarray(points[..., 0]), np.ascontiguousarray(points[..., 1])
    for k in range(outline.shape[1]):
        here = outline[:, k, :, None]
        way = outline[:, (k + 1) % outline.shape[1], :, None] - here
        side = way[:, 0] * (y - here[:, 1]) - way[:, 1] * (x - here[:, 0])
        left &= side >= 0.0
        right &= side <= 0.0
    return left | right
