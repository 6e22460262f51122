"""What else people do in a gym: other exercises, a drink, a shoelace. None of it is a repetition.

Simple by intent: as far as joints tell one movement from another, and no farther. What a `squat` is by any
geometry (sitting down on a bench, the catch of a clean, dumbbells fetched from the floor) is not here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import numpy as np

from streamaqa.sources.synthetic.body import BodyShape
from streamaqa.sources.synthetic.motion import (
    along_trunk,
    hang,
    minimum_jerk,
    place_arm,
    stand,
    standing,
    vector,
)
from streamaqa.sources.synthetic.posture import Array, Channel
from streamaqa.sources.synthetic.script import Distractor

Movement: TypeAlias = Callable[[BodyShape, Distractor, Array], Array]
BOX: Final = 0.35
"""Metres that a step-up rises."""


def lunge(body: BodyShape, script: Distractor, time: Array) -> Array:
    """Feet together, a long step ahead or back, the rear knee down to the floor; sides in turn."""
    rng = np.random.default_rng(script.seed)
    step, deep = body.height * rng.uniform(0.38, 0.5), rng.uniform(0.75, 1.0)
    ahead = 1.0 if rng.random() < 0.6 else -1.0
    out, down = standing(body, script.style, len(time)), _repeated(script, time)
    odd = np.floor(time * script.repeats / script.duration) % 2 == 1
    moved = minimum_jerk(down / 0.6)  # the foot is there before the knee comes down
    for side, its in ((0, ~odd), (1, odd)):
        out[its, Channel.L_ANKLE_Z + 3 * side] += ahead * step * moved[its]
        out[its, Channel.L_ANKLE_Y + 3 * side] += 0.08 * np.sin(np.pi * moved[its]) ** 2
        rear = side if ahead < 0.0 else 1 - side
        out[its, Channel.L_HEEL_UP + rear] = np.radians(55.0) * down[its]
    out[:, Channel.PELVIS_Z] += ahead * down * step / 2.0
    out[:, Channel.PELVIS_Y] -= down * deep * 0.285 * body.height
    out[:, Channel.LEAN] = np.radians(1.0 + rng.uniform(2.0, 12.0) * down)
    return _hanging(body, script, out)


def split_squat(body: BodyShape, script: Distractor, time: Array) -> Array:
    """Feet apart, one ahead of the other, and straight down between them."""
    rng = np.random.default_rng(script.seed)
    step, deep, front = body.height * rng.uniform(0.36, 0.5), rng.uniform(0.7, 1.0), int(rng.integers(2))
    out, down = standing(body, script.style, len(time)), _repeated(script, time)
    out[:, Channel.L_ANKLE_Z + 3 * front] += step / 2.0
    out[:, Channel.R_ANKLE_Z - 3 * front] -= step / 2.0
    out[:, Channel.R_HEEL_UP - front] = np.radians(30.0 + 25.0 * down)
    out[:, Channel.PELVIS_Y] -= body.height * (0.05 + 0.25 * deep * down)
    out[:, Channel.LEAN] = np.radians(1.0 + rng.uniform(2.0, 12.0) * down)
    return _hanging(body, script, out)


def kneel(body: BodyShape, script: Distractor, time: Array) -> Array:
    """Down on one knee, over the other one, as to tie a shoe, and up again."""
    rng = np.random.default_rng(script.seed)
    step, front = 0.42 * body.height, int(rng.integers(2))
    out, down = standing(body, script.style, len(time)), _repeated(script, time, way=0.25, hold=0.3)
    out[:, Channel.L_ANKLE_Z + 3 * front] += minimum_jerk(2.0 * down) * step
    out[:, Channel.R_HEEL_UP - front] = np.radians(65.0) * down
    out[:, Channel.PELVIS_Z] += down * 0.45 * step
    out[:, Channel.PELVIS_Y] -= down * 0.30 * body.height
    out[:, Channel.LEAN] = np.radians(1.0 + rng.uniform(25.0, 60.0) * down)
    return _hanging(body, script, out)


def step_up(body: BodyShape, script: Distractor, time: Array) -> Array:
    """One foot onto a box, the other after it, and down again."""
    out, up = standing(body, script.style, len(time)), _repeated(script, time)
    for side, share in ((0, minimum_jerk(up / 0.4)), (1, minimum_jerk(2.0 * up - 1.0))):
        out[:, Channel.L_ANKLE_Y + 3 * side] += BOX * share
        out[:, Channel.L_ANKLE_Z + 3 * side] += 0.4 * share
    over = minimum_jerk((up - 0.35) / 0.65)
    out[:, Channel.PELVIS_Y] += BOX * over
    out[:, Channel.PELVIS_Z] += 0.4 * over
    out[:, Channel.LEAN] = np.radians(2.0 + 100.0 * up * (1.0 - up))
    return _hanging(body, script, out)


def pick_up(body: BodyShape, script: Distractor, time: Array) -> Array:
    """Bent over to the floor with more or less bent knees."""
    rng = np.random.default_rng(script.seed)
    down = _repeated(script, time)
    out = standing(body, script.style, len(time), knees=np.radians(rng.uniform(20.0, 70.0)) * down)
    out[:, Channel.PELVIS_Z] -= 0.09 * body.height * down
    out[:, Channel.PELVIS_Y] -= 0.02 * down
    out[:, Channel.LEAN] = np.radians(2.0 + rng.uniform(55.0, 85.0) * down)
    return _reaching(body, out, _at(0.15, -(0.75 + 0.2 * down) * body.arm, 0.2), (0.5, -0.2, -1.0))


def good_morning(body: BodyShape, script: Distractor, time: Array) -> Array:
    """A bow with the bar on the back and knees that hardly bend."""
    out, down = standing(body, script.style, len(time)), _repeated(script, time)
    out[:, Channel.LEAN] = lean = np.radians(3.0 + 72.0 * down)
    out[:, Channel.PELVIS_Z] -= 0.10 * body.height * down
    out[:, Channel.PELVIS_Y] -= 0.015 * body.height * down
    flat = np.zeros(len(time))
    along = np.stack([flat, np.cos(lean), np.sin(lean)], axis=-1)
    ahead = np.stack([flat, -np.sin(lean), np.cos(lean)], axis=-1)
    bar = along_trunk(body, out, 1.0, -0.07)
    out[:, Channel.BAR_X : Channel.BAR_Z + 1] = bar
    for side, sign in ((0, 1.0), (1, -1.0)):
        wrist = bar + vector(len(time), sign * 1.7 * body.half_shoulders, 0.0, 0.0) - 0.03 * along
        place_arm(out, side, wrist, -along - 0.45 * ahead + vector(len(time), sign * 0.25, 0.0, 0.0))
    return out


def kettlebell_swing(body: BodyShape, script: Distractor, time: Array) -> Array:
    """Hips back and hands between the legs, hips ahead and hands up to the shoulders' height."""
    up = _repeated(script, time, way=0.45, hold=0.0)
    out = standing(body, script.style, len(time), knees=np.radians(35.0) * (1.0 - up))
    out[:, Channel.LEAN] = np.radians(58.0) * (1.0 - up)
    out[:, Channel.PELVIS_Z] -= 0.1 * body.height * (1.0 - up)
    out[:, Channel.PELVIS_Y] -= 0.02 * (1.0 - up)
    raised, arm = np.radians(105.0 * up - 20.0), 0.93 * body.arm
    hands = _at(0.05, -np.cos(raised) * arm, np.sin(raised) * arm)
    return _reaching(body, out, hands, (0.5, -0.2, -1.0))


def front_raise(body: BodyShape, script: Distractor, time: Array) -> Array:
    """Straight arms up to the shoulders' height, before the body."""
    return _raise(body, script, time, aside=5.0, top=92.0)


def lateral_raise(body: BodyShape, script: Distractor, time: Array) -> Array:
    """Straight arms up to the shoulders' height, to the sides."""
    return _raise(body, script, time, aside=80.0, top=92.0)


def stretch(body: BodyShape, script: Distractor, time: Array) -> Array:
    """Straight arms to the sides and overhead."""
    return _raise(body, script, time, aside=90.0, top=172.0)


def jumping_jack(body: BodyShape, script: Distractor, time: Array) -> Array:
    """Arms overhead as the feet go apart."""
    apart = _repeated(script, time, way=0.45, hold=0.0)
    out = _raise(body, script, time, aside=90.0, top=158.0)
    out[:, Channel.L_ANKLE_X] += 0.3 * apart
    out[:, Channel.R_ANKLE_X] -= 0.3 * apart
    out[:, Channel.PELVIS_Y] -= 0.05 * apart
    return out


def upright_row(body: BodyShape, script: Distractor, time: Array) -> Array:
    """Hands along the trunk up to the chest, elbows leading."""
    out, up = stand(body, script.style, len(time)), _repeated(script, time)
    hands = _at(0.12, (0.85 * up - 0.93) * body.arm, 0.12 + 0.06 * up)
    return _reaching(body, out, hands, (1.0, 0.5, -0.2))


def triceps_extension(body: BodyShape, script: Distractor, time: Array) -> Array:
    """Elbows high all the while, hands from behind the head to overhead."""
    out, up = stand(body, script.style, len(time)), _repeated(script, time)
    hands = _at(0.06, (0.25 + 0.62 * up) * body.arm, -0.22 * (1.0 - up) * body.arm)
    return _reaching(body, out, hands, (0.4, 1.0, 0.6))


def pull_up(body: BodyShape, script: Distractor, time: Array) -> Array:
    """Hands on a bar overhead that the body is drawn up to."""
    out, up = standing(body, script.style, len(time)), _repeated(script, time)
    bar = along_trunk(body, out, 1.0, 0.0)[:, 1] + 0.25 + 0.97 * body.arm
    rise = 0.25 + 0.27 * body.height * up
    for channel in (Channel.PELVIS_Y, Channel.L_ANKLE_Y, Channel.R_ANKLE_Y):
        out[:, channel] += rise
    collar = along_trunk(body, out, 1.0, 0.0)
    return _reaching(body, out, _at(0.3, bar - collar[:, 1], 0.1), (1.0, -1.0, -0.2))


def drink(body: BodyShape, script: Distractor, time: Array) -> Array:
    """One hand to the mouth."""
    out, up = stand(body, script.style, len(time)), _repeated(script, time, way=0.2, hold=0.35)
    side = script.seed % 2
    sign = 1.0 - 2.0 * side
    collar = along_trunk(body, out, 1.0, 0.0)
    hung = vector(len(time), sign * 1.3 * body.half_shoulders, -0.965 * body.arm, 0.02)
    mouth = vector(len(time), sign * 0.05, 0.12, 0.16)
    hand = hung + (mouth - hung) * up[:, None]
    hand[:, 2] += 0.15 * np.sin(np.pi * up)
    place_arm(out, side, collar + hand, vector(len(time), sign * 0.8, -0.3, -0.2))
    out[:, Channel.NOD] -= 0.3 * up
    return out


OTHERS: Final[dict[str, Movement]] = {
    each.__name__: each
    for each in (
        lunge,
        split_squat,
        kneel,
        step_up,
        pick_up,
        good_morning,
        kettlebell_swing,
        front_raise,
        lateral_raise,
        stretch,
        jumping_jack,
        upright_row,
        triceps_extension,
        pull_up,
        drink,
    )
}

# --- parts -------------------------------------------------------------------------------------------------


def _repeated(script: Distractor, time: Array, *, way: float = 0.38, hold: float = 0.08) -> Array:
    """0 to 1 and back, as often as asked for; each takes `way` of its time there and `hold` at its turn."""
    share = (time * script.repeats / script.duration) % 1.0
    there = minimum_jerk((share - 0.06) / way) - minimum_jerk((share - 0.06 - way - hold) / way)
    return np.where(time >= script.duration, 0.0, there)


def _hanging(body: BodyShape, script: Distractor, out: Array) -> Array:
    hang(body, script.style, out)
    return out


def _at(aside: float, up: Array | float, ahead: Array | float) -> Array:
    """Places of the left hand (T, 3) or (1, 3), from the collar, metres; the right one mirrors it."""
    return np.stack(np.broadcast_arrays(np.atleast_1d(aside), up, ahead), axis=-1)


def _reaching(body: BodyShape, out: Array, hands: Array, elbows: tuple[float, float, float]) -> Array:
    """Both hands there, elbows pointing that way; nothing on the bar."""
    collar = along_trunk(body, out, 1.0, 0.0)
    for side, sign in ((0, 1.0), (1, -1.0)):
        mirror = np.array([sign, 1.0, 1.0])
        place_arm(out, side, collar + hands * mirror, vector(len(out), *elbows) * mirror)
    out[:, Channel.BAR_X : Channel.BAR_Z + 1] = collar - (0.0, 2.0, 0.0)
    return out


def _raise(body: BodyShape, script: Distractor, time: Array, *, aside: float, top: float) -> Array:
    """Straight arms from hanging to `top` degrees, in a plane `aside` degrees from straight ahead."""
    out, up = stand(body, script.style, len(time)), _repeated(script, time)
    raised, plane = np.radians(8.0 + (top - 8.0) * up), np.radians(aside)
    reach = 0.95 * body.arm * np.sin(raised)
    hands = _at(body.half_shoulders, -0.95 * body.arm * np.cos(raised), reach * np.cos(plane))
    hands[:, 0] += reach * np.sin(plane)
    return _reaching(body, out, hands, (0.5, 0.2, -0.6))
