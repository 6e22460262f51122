"""What lifters do between repetitions: walk, stand, talk, take the bar from the rack, deadlift, curl."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from streamaqa.sources.synthetic.body import BodyShape
from streamaqa.sources.synthetic.motion import (
    along_trunk,
    minimum_jerk,
    place_arm,
    squat,
    stand,
    standing,
    vector,
)
from streamaqa.sources.synthetic.posture import Array, Channel
from streamaqa.sources.synthetic.script import Distractor

STRIDE: Final = 0.72
"""Metres of one step at a height of 1.75 m, an easy walk."""
TURNING: Final = 0.22
"""Share of a walk in or out that is spent turning on the spot."""
DUCK: Final = (0.10, 0.25)
"""Metres that the hips sink under a bar in its rack."""
HOOKS: Final = (0.03, 0.12)
"""Metres from the bar in its rack up to where it is carried."""
BOW: Final = (0.0, 25.0)
"""Degrees that the trunk leans further under it."""
STEP_IN: Final = 0.34
"""Metres from where a lifter stands before a racked bar to where they stand under it."""


def talking(body: BodyShape, script: Distractor, time: Array) -> Array:
    """Standing, shifting weight, looking about; with `talk` also moving the hands."""
    out = stand(body, script.style, len(time))
    rng = np.random.default_rng(script.seed)
    phase = rng.uniform(0.0, 2.0 * np.pi, 6)
    ease = _ease(time, script.duration, 0.6)
    out[:, Channel.PELVIS_X] += ease * 0.03 * np.sin(0.9 * time + phase[0])
    out[:, Channel.SIDE] -= ease * 0.03 * np.sin(0.9 * time + phase[0])
    out[:, Channel.LOOK] += ease * 0.45 * np.sin(0.7 * time + phase[1])
    out[:, Channel.NOD] += ease * 0.08 * np.sin(1.9 * time + phase[2])
    if script.kind == "talk":
        for side in (0, 1):
            lift = ease * (0.5 + 0.5 * np.sin(1.3 * time + phase[3 + side])) ** 2
            base = Channel.L_WRIST_X + 3 * side
            out[:, base + 1] += lift * 0.30 * body.height / 1.75
            out[:, base + 2] += lift * 0.24 + ease * 0.05 * np.sin(3.1 * time + phase[5])
    return out


def walking(body: BodyShape, script: Distractor, time: Array) -> Array:
    """`walk_in` from beside the picture to the station, `walk_out` from there, `walk` to and fro."""
    rng = np.random.default_rng(script.seed)
    side = -1.0 if rng.random() < 0.5 else 1.0
    out = stand(body, script.style, len(time))
    if script.kind == "walk":
        _wander(body, script, time, out, rng)
        return out
    away = side * rng.uniform(2.0, 2.4)
    coming = script.kind == "walk_in"
    share = time / script.duration
    # Coming in ends with a turn towards the view asked for; walking out begins with one.
    share = share if coming else 1.0 - share
    way = minimum_jerk(share / (1.0 - TURNING))
    turned = minimum_jerk((share - 1.0 + TURNING) / TURNING)
    rightward = coming == (away < 0.0)
    out[:, Channel.FLOOR_X] = (1.0 - way) * away
    out[:, Channel.YAW] = between(np.radians(-90.0 if rightward else 90.0), np.radians(script.view), turned)
    s = np.clip(share / (1.0 - TURNING), 0.0, 1.0)
    speed = 30.0 * s**2 * (1.0 - s) ** 2 * abs(away) / (script.duration * (1.0 - TURNING))
    gait(body, out, (way if coming else 1.0 - way) * abs(away), speed)
    return out


def gait(body: BodyShape, out: Array, way: Array, speed: Array) -> None:
    """Move legs and arms of a standing body that has come `way` metres and goes at `speed` m/s."""
    step = STRIDE * body.height / 1.75
    size = minimum_jerk(np.abs(speed) / 0.8)
    for side in (0, 1):
        cycle = (way / (2.0 * step) + 0.5 * side + 0.25) % 1.0
        stance = cycle < 0.6
        swing = np.clip((cycle - 0.6) / 0.4, 0.0, 1.0)
        ahead = np.where(
            stance, 0.6 * step - 2.0 * step * cycle, -0.6 * step + 1.2 * step * minimum_jerk(swing)
        )
        base = Channel.L_ANKLE_X + 3 * side
        out[:, base] *= 1.0 - 0.35 * size
        out[:, base + 1] += size * 0.11 * np.sin(np.pi * swing) ** 2
        out[:, base + 2] += size * ahead
        out[:, Channel.L_HEEL_UP + side] = (
            size * 0.6 * np.where(stance, np.clip((cycle - 0.42) / 0.18, 0, 1), 1 - swing)
        )
        out[:, Channel.L_TOE_OUT + side] *= 1.0 - 0.6 * size
        hand = Channel.L_WRIST_X + 3 * side
        out[:, hand + 2] -= size * 0.55 * ahead
        out[:, hand + 1] += size * 0.05 * np.abs(ahead)
    out[:, Channel.PELVIS_Y] -= size * (0.035 + 0.015 * np.cos(2.0 * np.pi * way / step))
    out[:, Channel.LEAN] += size * np.radians(3.0)


def _wander(body: BodyShape, script: Distractor, time: Array, out: Array, rng: np.random.Generator) -> None:
    """Between random places on the floor, turning before each leg."""
    places = [np.zeros(2)]
    at = 0.0
    while at < script.duration + 4.0:
        goal = np.array([rng.uniform(-0.8, 0.8), rng.uniform(-1.2, 0.3)])
        if np.linalg.norm(goal - places[-1]) > 0.7:
            places.append(goal)
            at += 1.4
    clock, yaw, way = 0.0, np.radians(script.view), 0.0
    done, speed = np.zeros(len(time)), np.zeros(len(time))
    for start, goal in pairwise(places):
        length = float(np.linalg.norm(goal - start))
        facing = float(np.arctan2(-(goal - start)[0], (goal - start)[1]))
        walk, spin = length / 0.85, 0.7
        on = time >= clock
        out[on, Channel.YAW] = between(yaw, facing, minimum_jerk((time[on] - clock) / spin))
        share = minimum_jerk((time[on] - clock - spin) / walk)
        out[on, Channel.FLOOR_X] = start[0] + share * (goal - start)[0]
        out[on, Channel.FLOOR_Z] = start[1] + share * (goal - start)[1]
        done[on] = way + share * length
        s = np.clip((time[on] - clock - spin) / walk, 0.0, 1.0)
        speed[on] = 30.0 * s**2 * (1.0 - s) ** 2 * length / walk
        yaw, way, clock = facing, way + length, clock + spin + walk + float(rng.uniform(0.0, 1.0))
    gait(body, out, done, speed)


def deadlift(body: BodyShape, script: Distractor, time: Array) -> Array:
    """The bar from the floor to hanging arms and back; hips and knees share the way."""
    period = script.duration / script.repeats
    share = (time / period) % 1.0
    up = minimum_jerk((share - 0.10) / 0.36) - minimum_jerk((share - 0.52) / 0.36)
    down = 1.0 - np.where(time >= script.duration, 0.0, up)
    out = standing(body, script.style, len(time), knees=np.radians(62.0) * down)
    back = 0.11 * body.height * down
    out[:, Channel.PELVIS_Z] -= back
    reach2 = (out[:, Channel.PELVIS_Y] - body.ankle) ** 2
    out[:, Channel.PELVIS_Y] = body.ankle + np.sqrt(reach2 - back**2)
    # From a full plate's radius over the floor.
    floor = 0.225
    top = float(along_trunk(body, stand(body, script.style, 1), 1.0, 0.0)[0, 1])
    bar = floor + (1.0 - down) * (top - 0.98 * body.arm - body.hand - floor)
    # Lean so far that straight arms reach the bar.
    need = np.clip((bar + body.hand + 0.975 * body.arm - out[:, Channel.PELVIS_Y]) / body.trunk, 0.1, 1.0)
    out[:, Channel.LEAN] = np.arccos(need)
    out[:, Channel.NOD] = 0.4 * out[:, Channel.LEAN]
    collar = along_trunk(body, out, 1.0, 0.0)
    out[:, Channel.BAR_Y] = bar
    out[:, Channel.BAR_Z] = np.maximum(0.06 * body.height, collar[:, 2] - 0.05)
    for side, sign in ((0, 1.0), (1, -1.0)):
        wrist = out[:, Channel.BAR_X : Channel.BAR_Z + 1] + vector(
            len(time), sign * 1.25 * body.half_shoulders, body.hand, -0.01
        )
        place_arm(out, side, wrist, vector(len(time), sign * 0.3, 0.0, -1.0))
    return out


def curl(body: BodyShape, script: Distractor, time: Array) -> Array:
    """Forearms turn about still elbows, bar in hand."""
    period = script.duration / script.repeats
    share = (time / period) % 1.0
    up = minimum_jerk((share - 0.08) / 0.38) - minimum_jerk((share - 0.52) / 0.40)
    out = stand(body, script.style, len(time))
    collar = along_trunk(body, out, 1.0, 0.0)
    angle = np.radians(6.0) + np.radians(124.0) * np.where(time >= script.duration, 0.0, up)
    for side, sign in ((0, 1.0), (1, -1.0)):
        shoulder = collar + vector(len(time), sign * body.half_shoulders, 0.0, 0.0)
        elbow = shoulder + vector(len(time), sign * 0.03, -0.995 * body.upper_arm, 0.0)
        aim = np.stack([0.1 * sign * np.ones(len(time)), -np.cos(angle), np.sin(angle)], axis=-1)
        wrist = elbow + aim * body.forearm
        place_arm(out, side, wrist, vector(len(time), sign * 0.1, -0.6, -1.0))
        if side == 0:
            grip = wrist + aim * body.hand
            out[:, Channel.BAR_Y : Channel.BAR_Z + 1] = grip[:, 1:]
    return out


def racking(body: BodyShape, script: Distractor, time: Array) -> Array:
    """Out of the rack: under the bar, stand up with it, two steps back. `rack` is the same backwards.

    A bar for the back waits at the height at which it is taken off, hands on it all the while that the lifter
    ducks and steps under it; others are taken with bent knees.
    """
    share = time / script.duration
    if script.kind == "rack":
        share = 1.0 - share
    ducks = script.style.implement == "barbell"
    out = _under_the_bar(body, script, share) if ducks else _bent_knees(body, script, share)
    step = minimum_jerk((share - (0.6 if ducks else 0.4)) / (0.38 if ducks else 0.55))
    # Begins half a metre ahead of where the set will be done.
    _step(out, script.view, 0.5 * (1.0 - step), [0.5 * (1.0 - minimum_jerk(2.0 * step - n)) for n in (0, 1)])
    for side in (0, 1):
        moved = minimum_jerk(2.0 * step - side)
        out[:, Channel.L_ANKLE_Y + 3 * side] += 0.05 * np.sin(np.pi * moved) ** 2
    return out


def _bent_knees(body: BodyShape, script: Distractor, share: Array) -> Array:
    return squat(body, script.style, 0.16 * (1.0 - minimum_jerk((share - 0.12) / 0.2)), {})


def _under_the_bar(body: BodyShape, script: Distractor, share: Array) -> Array:
    """Before the bar, below it, under it, and up with it: from 0 to 0.6 of the time."""
    rng = np.random.default_rng(script.seed)
    whole = float(np.ptp(squat(body, script.style, np.array([0.0, 1.0]), {})[:, Channel.PELVIS_Y]))
    sink, loose = rng.uniform(*DUCK) / whole, rng.uniform(*HOOKS) / whole
    below = minimum_jerk((share - 0.06) / 0.22) * (1.0 - minimum_jerk((share - 0.3) / 0.2))
    taken = minimum_jerk((share - 0.3) / 0.2)
    off = minimum_jerk((share - 0.52) / 0.08)
    out = squat(body, script.style, sink * below + loose * taken * (1.0 - off), {})
    out[:, Channel.LEAN] += np.radians(rng.uniform(*BOW)) * below
    behind = STEP_IN * (1.0 - minimum_jerk((share - 0.08) / 0.34))
    racked = squat(body, script.style, np.array([loose]), {})[0]
    waits = share < 0.5
    for first in (Channel.BAR_X, Channel.L_WRIST_X, Channel.R_WRIST_X):
        out[waits, first : first + 3] = racked[first : first + 3]
        out[waits, first + 2] += behind[waits]
    feet = [-STEP_IN * (1.0 - minimum_jerk((share - 0.08 - 0.14 * n) / 0.2)) for n in (0, 1)]
    _step(out, script.view, -behind, feet)
    return out


def _step(out: Array, view: float, ahead: Array, feet: Sequence[Array]) -> None:
    """Move the body by `ahead` metres the way that it faces, and each foot by its own."""
    out[:, Channel.FLOOR_X] -= np.sin(np.radians(view)) * ahead
    out[:, Channel.FLOOR_Z] += np.cos(np.radians(view)) * ahead
    for side, foot in enumerate(feet):
        out[:, Channel.L_ANKLE_Z + 3 * side] += foot - ahead


def _ease(time: Array, duration: float, ramp: float) -> Array:
    return minimum_jerk(time / ramp) * minimum_jerk((duration - time) / ramp)


def between(start: float, end: float, share: Array) -> Array:
    """Angles that turn the short way from `start` to `end`."""
    way = (end - start + np.pi) % (2.0 * np.pi) - np.pi
    return np.asarray(start + way * share)


DISTRACTORS: Final[dict[str, Callable[[BodyShape, Distractor, Array], Array]]] = {
    "walk_in": walking,
    "walk_out": walking,
    "walk": walking,
    "stand": talking,
    "talk": talking,
    "unrack": racking,
    "rack": racking,
    "deadlift": deadlift,
    "curl": curl,
}
