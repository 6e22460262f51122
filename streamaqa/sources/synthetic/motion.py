"""The postures of each movement as functions of its progress.

Progress 0 is the rest position of a repetition, 1 its turn, and it is exactly the height of the load: the
hips' height in a squat, the bar's over the shoulders in a press, the bar's over the floor in a row. All
functions take and give arrays over T moments, in the body's frame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import numpy as np

from streamaqa.sources.synthetic.body import BodyShape
from streamaqa.sources.synthetic.posture import Array, Channel, empty
from streamaqa.sources.synthetic.script import Style

Degrees: TypeAlias = Mapping[str, Array]
"""Error name to degrees (T,), clean variation included."""


def minimum_jerk(share: Array) -> Array:
    """Position 0 to 1 at a share 0 to 1 of the movement's time (Flash and Hogan 1985)."""
    s = np.clip(share, 0.0, 1.0)
    return np.asarray(s**3 * (10.0 - 15.0 * s + 6.0 * s**2))


def _crossing(level: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if float(minimum_jerk(np.array(middle))) < level else (low, middle)
    return (low + high) / 2.0


FIVE_PER_CENT: Final = _crossing(0.05)
"""Share of a minimum-jerk movement's time at which 5 % of its way is done, 0.189."""


def squat(body: BodyShape, style: Style, progress: Array, degrees: Degrees) -> Array:
    """Hips sink along a shank that leans forward; the trunk keeps the load over the middle of the foot."""
    out = standing(body, style, len(progress))
    tilt = np.cos(_splay(body, style))
    shank, thigh = body.shank * tilt, body.thigh * tilt
    usual, start = np.radians(style.shank), np.radians(3.0)
    deep = np.radians(style.depth) - _of(degrees, "shallow", progress)
    top = shank * np.cos(start) + thigh * np.cos(start)
    bottom = shank * np.cos(usual) + thigh * np.cos(deep)
    height = top - progress * (top - bottom)
    # Angles go with the root of the height near straight legs, whence the exponent.
    lean = start + (usual - start) * progress**0.55 + _of(degrees, "knees_forward", progress)
    back = np.arccos(np.clip((height - shank * np.cos(lean)) / thigh, -0.6, np.cos(start)))
    out[:, Channel.PELVIS_Y] = body.ankle + height
    travel = shank * np.sin(lean) - thigh * np.sin(back)
    out[:, Channel.PELVIS_Z] = np.cos(np.radians(style.toe_out)) * travel
    out[:, Channel.L_KNEE_IN] = out[:, Channel.R_KNEE_IN] = _of(degrees, "knees_inward", progress)
    along, before = _squat_load(body, style)
    middle = 0.5 * (body.toe - body.heel)
    radius = np.hypot(along, before)
    reach = np.clip((middle - out[:, Channel.PELVIS_Z]) / radius, -0.2, 0.93)
    out[:, Channel.LEAN] = np.arcsin(reach) - np.arctan2(before, along)
    out[:, Channel.NOD] = 0.22 * out[:, Channel.LEAN]
    out[:, Channel.ROUND] = np.radians(4.0 + 6.0 * progress)
    _hold_squat(body, style, progress, out, along, before)
    return out


def press(body: BodyShape, style: Style, progress: Array, degrees: Degrees) -> Array:
    """The bar goes from the collar bones around the face to over the head; elbows stay under the wrists."""
    out = standing(body, style, len(progress), knees=_of(degrees, "knees", progress))
    passing = np.sin(np.pi * np.clip(progress, 0.0, 1.0))
    out[:, Channel.LEAN] = np.radians(1.0 - 5.0 * passing)
    out[:, Channel.NOD] = np.radians(-6.0 * passing)
    collar = along_trunk(body, out, 1.0, 0.0)
    grip = max(1.1 * style.grip, 1.4) * body.half_shoulders
    aside = grip - body.half_shoulders
    top = np.sqrt((0.985 * body.arm) ** 2 - aside**2) + body.hand
    rest = 0.012 * body.height
    bar = collar + vector(len(progress), 0.0, rest, 0.0)
    bar[:, 1] += progress * (top - rest)
    # The way around the face: forward until the bar is over the head.
    bar[:, 2] += 0.085 * body.height * (1.0 - minimum_jerk((progress - 0.35) / 0.6)) + 0.012
    out[:, Channel.BAR_X : Channel.BAR_Z + 1] = bar
    tilt = _of(degrees, "elbows", progress)
    ahead = np.radians(6.0)
    for side, sign in ((0, 1.0), (1, -1.0)):
        wrist = bar + vector(len(progress), sign * grip, -0.97 * body.hand, -0.008)
        shoulder = collar + vector(len(progress), sign * body.half_shoulders, 0.0, 0.0)
        down = np.stack([sign * np.sin(0.6 * tilt), -np.cos(tilt), np.sin(ahead - 0.8 * tilt)], axis=-1)
        wanted = wrist + body.forearm * down - shoulder
        wanted[:, 0] += sign * 0.06 * progress
        place_arm(out, side, wrist, wanted)
    return out


def row(body: BodyShape, style: Style, progress: Array, degrees: Degrees) -> Array:
    """Hinged at the hips, the bar goes from hanging arms to the lower belly."""
    count = len(progress)
    out = standing(body, style, count, knees=np.full(count, np.radians(style.knees)), back=-0.075)
    hinge = np.radians(style.hinge)
    out[:, Channel.ROUND] = np.radians(5.0) + _of(degrees, "lumbar", progress)
    out[:, Channel.LEAN] = hinge
    collar = along_trunk(body, out, 1.0, 0.0)
    belly = along_trunk(body, out, 0.30, 0.085 * body.height * body.girth)
    grip = max(style.grip, 1.2) * body.half_shoulders
    hang = np.sqrt((0.985 * body.arm) ** 2 - (grip - body.half_shoulders) ** 2) + body.hand
    height = (collar[:, 1] - hang) + progress * (belly[:, 1] - collar[:, 1] + hang)
    swing = _of(degrees, "torso_angle", progress)
    out[:, Channel.LEAN] = hinge - _reachable(body, out, height + body.hand, grip, swing)
    out[:, Channel.NOD] = 0.55 * out[:, Channel.LEAN] - np.radians(4.0)
    collar = along_trunk(body, out, 1.0, 0.0)
    belly = along_trunk(body, out, 0.30, 0.085 * body.height * body.girth)
    bar = np.stack([np.zeros(count), height, collar[:, 2] - 0.02], axis=-1)
    bar[:, 2] += progress * (belly[:, 2] - bar[:, 2])
    out[:, Channel.BAR_X : Channel.BAR_Z + 1] = bar
    for side, sign in ((0, 1.0), (1, -1.0)):
        wrist = bar + vector(count, sign * grip, body.hand, -0.015)
        pole = vector(count, sign * 0.35, 0.55, -1.0)
        place_arm(out, side, wrist, pole)
    return out


MOTIONS: Final[dict[str, Callable[[BodyShape, Style, Array, Degrees], Array]]] = {
    "squat": squat,
    "overhead_press": press,
    "barbell_row": row,
}
"""Wire name of the exercise to its motion."""


def stand(body: BodyShape, style: Style, count: int) -> Array:
    """Standing at ease with hanging arms."""
    out = standing(body, style, count)
    out[:, Channel.LEAN] = np.radians(2.0)
    hang(body, style, out)
    return out


# --- parts -------------------------------------------------------------------------------------------------


def _of(degrees: Degrees, error: str, like: Array) -> Array:
    value = degrees.get(error)
    return np.zeros_like(like) if value is None else np.radians(value)


def vector(count: int, x: float, y: float, z: float) -> Array:
    return np.tile(np.array([x, y, z]), (count, 1))


def _splay(body: BodyShape, style: Style) -> float:
    """Angle of straight legs from upright, sideways."""
    return float(np.arctan2((style.stance - 1.0) * body.half_hips, body.leg))


def standing(
    body: BodyShape, style: Style, count: int, *, knees: Array | None = None, back: float = 0.02
) -> Array:
    """Feet in place, pelvis over them with knees bent by `knees` (radians) and moved by `back` heights."""
    out = empty(count)
    bend = np.radians(6.0) + (np.zeros(count) if knees is None else knees)
    reach2 = body.shank**2 + body.thigh**2 + 2.0 * body.shank * body.thigh * np.cos(bend)
    aside, behind = (style.stance - 1.0) * body.half_hips, back * body.height
    out[:, Channel.PELVIS_Y] = body.ankle + np.sqrt(reach2 - aside**2 - behind**2)
    out[:, Channel.PELVIS_Z] = behind
    for side, sign in ((0, 1.0), (1, -1.0)):
        out[:, Channel.L_ANKLE_X + 3 * side] = sign * style.stance * body.half_hips
        out[:, Channel.L_ANKLE_Y + 3 * side] = body.ankle
        out[:, Channel.L_TOE_OUT + side] = np.radians(style.toe_out)
    return out


def along_trunk(body: BodyShape, out: Array, share: float, before: float) -> Array:
    """A point (T, 3) at a share of the way from pelvis to collar, `before` metres in front of that line."""
    lean, bend = out[:, Channel.LEAN], out[:, Channel.ROUND]
    along = share * body.trunk * np.sinc(bend / (2.0 * np.pi))
    point = out[:, Channel.PELVIS_X : Channel.PELVIS_Z + 1].copy()
    point[:, 1] += along * np.cos(lean) - before * np.sin(lean)
    point[:, 2] += along * np.sin(lean) + before * np.cos(lean)
    return point


def place_arm(out: Array, side: int, wrist: Array, pole: Array) -> None:
    out[:, Channel.L_WRIST_X + 3 * side : Channel.L_WRIST_Z + 3 * side + 1] = wrist
    out[:, Channel.L_ELBOW_X + 3 * side : Channel.L_ELBOW_Z + 3 * side + 1] = pole


def hang(body: BodyShape, style: Style, out: Array) -> None:
    """Arms straight down: beside the body, or before the thighs with a bar in hand."""
    collar = along_trunk(body, out, 1.0, 0.0)
    bar = style.implement in ("barbell", "front_rack")
    before = 0.062 * body.height * body.girth if bar else 0.02
    for side, sign in ((0, 1.0), (1, -1.0)):
        wide = 1.2 if bar else 1.32
        wrist = collar + vector(len(out), sign * wide * body.half_shoulders, -0.965 * body.arm, before)
        place_arm(out, side, wrist, vector(len(out), sign * 0.3, 0.0, -1.0))
    grip = vector(len(out), 0.0, -0.965 * body.arm - body.hand, before + 0.012)
    out[:, Channel.BAR_X : Channel.BAR_Z + 1] = collar + grip


def _squat_load(body: BodyShape, style: Style) -> tuple[float, float]:
    """Where the load sits: along the trunk from the pelvis, and before it; metres."""
    if style.implement == "barbell":
        return body.trunk + 0.012 * body.height, -0.045 * body.height
    if style.implement == "front_rack":
        return body.trunk - 0.005 * body.height, 0.062 * body.height
    return 0.85 * body.trunk, 0.02 * body.height


def _hold_squat(
    body: BodyShape, style: Style, progress: Array, out: Array, along: float, before: float
) -> None:
    count = len(progress)
    bar = along_trunk(body, out, along / body.trunk, before)
    out[:, Channel.BAR_X : Channel.BAR_Z + 1] = bar
    lean = out[:, Channel.LEAN]
    up = np.stack([np.zeros(count), np.cos(lean), np.sin(lean)], axis=-1)
    forward = np.stack([np.zeros(count), -np.sin(lean), np.cos(lean)], axis=-1)
    collar = along_trunk(body, out, 1.0, 0.0)
    for side, sign in ((0, 1.0), (1, -1.0)):
        if style.implement == "barbell":
            grip = max(style.grip, 1.6) * body.half_shoulders
            wrist = bar + vector(count, sign * grip, 0.0, 0.0) - 0.03 * up - 0.035 * forward
            pole = -up - 0.45 * forward + vector(count, sign * 0.25, 0.0, 0.0)
        elif style.implement == "front_rack":
            wrist = bar + vector(count, sign * style.grip * body.half_shoulders, 0.0, 0.0)
            wrist = wrist - 0.06 * up + 0.01 * forward
            pole = 0.55 * forward - 0.8 * up + vector(count, sign * 0.2, 0.0, 0.0)
        else:
            hanging = collar + vector(count, sign * 1.3 * body.half_shoulders, -0.97 * body.arm, 0.01)
            ahead = collar + vector(count, sign * 0.8 * body.half_shoulders, 0.0, 0.96 * body.arm)
            share = progress[:, None] if style.implement == "none" else 0.0
            sweep = share * np.pi / 2.0
            wrist = collar + (hanging - collar) * np.cos(sweep) + (ahead - collar) * np.sin(sweep)
            pole = vector(count, sign * 0.5, -0.5, -1.0)
        place_arm(out, side, wrist, pole)


def _reachable(body: BodyShape, out: Array, wrist: Array, grip: float, swing: Array) -> Array:
    """The part of `swing` (T,) radians by which the trunk can rise before the arms are straight."""
    lean = out[:, Channel.LEAN]
    chord = body.trunk * np.sinc(out[:, Channel.ROUND] / (2.0 * np.pi))
    drop = np.sqrt((0.99 * body.arm) ** 2 - (grip - body.half_shoulders) ** 2)
    highest = np.clip((wrist + drop - out[:, Channel.PELVIS_Y]) / chord, -1.0, 1.0)
    return np.asarray(np.minimum(swing, np.maximum(lean - np.arccos(highest), 0.0)))
