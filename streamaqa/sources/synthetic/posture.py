"""From a posture (what a coach would describe) to joints (what a camera sees), by simple inverse kinematics.

A posture is a row of numbers, one per `Channel`, so that motions can be computed for many times at once and
transitions are plain interpolation. Lengths in metres, angles in radians. The body's own frame has x to the
lifter's left, y up and z forward, with its origin on the floor below the pelvis at rest. The world has x to
the camera's right, y up and z towards the camera; a body turned by `YAW` 0 faces the camera, by 90 degrees
shows its left side, by 180 its back.
"""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamaqa.sources.synthetic.body import BodyShape

Array: TypeAlias = NDArray[np.float64]


class Channel(IntEnum):
    """What a posture says. Left comes before right, x before y before z."""

    FLOOR_X = 0
    """Where the body's frame stands in the world."""
    FLOOR_Z = auto()
    YAW = auto()
    PELVIS_X = auto()
    """Middle of the hips in the body's frame."""
    PELVIS_Y = auto()
    PELVIS_Z = auto()
    LEAN = auto()
    """Trunk from upright, forward positive."""
    SIDE = auto()
    """Trunk from upright, to the left positive."""
    ROUND = auto()
    """Flexion of the spine between pelvis and shoulders: a rounded back."""
    NOD = auto()
    """Face from level, down positive."""
    LOOK = auto()
    """Face from straight ahead, to the left positive."""
    L_ANKLE_X = auto()
    L_ANKLE_Y = auto()
    L_ANKLE_Z = auto()
    R_ANKLE_X = auto()
    R_ANKLE_Y = auto()
    R_ANKLE_Z = auto()
    L_TOE_OUT = auto()
    R_TOE_OUT = auto()
    L_HEEL_UP = auto()
    """Foot pitched about the toes, heel up positive."""
    R_HEEL_UP = auto()
    L_KNEE_IN = auto()
    """Knee turned inward about the line from hip to ankle."""
    R_KNEE_IN = auto()
    L_WRIST_X = auto()
    L_WRIST_Y = auto()
    L_WRIST_Z = auto()
    R_WRIST_X = auto()
    R_WRIST_Y = auto()
    R_WRIST_Z = auto()
    L_ELBOW_X = auto()
    """Which way the elbow points, as a direction; its length does not matter."""
    L_ELBOW_Y = auto()
    L_ELBOW_Z = auto()
    R_ELBOW_X = auto()
    R_ELBOW_Y = auto()
    R_ELBOW_Z = auto()
    BAR_X = auto()
    """Middle of the bar in the body's frame."""
    BAR_Y = auto()
    BAR_Z = auto()
    BAR_YAW = auto()
    """Bar against the body's x axis."""


CHANNELS: Final = len(Channel)


class Joint(IntEnum):
    """Points of the skeleton. Left and right alternate."""

    PELVIS = 0
    WAIST = 1
    CHEST = 2
    COLLAR = 3
    """Middle of the shoulders."""
    HEAD = 4
    """Middle of the head."""
    L_HIP = 5
    R_HIP = 6
    L_KNEE = 7
    R_KNEE = 8
    L_ANKLE = 9
    R_ANKLE = 10
    L_HEEL = 11
    R_HEEL = 12
    L_TOE = 13
    R_TOE = 14
    L_SHOULDER = 15
    R_SHOULDER = 16
    L_ELBOW = 17
    R_ELBOW = 18
    L_WRIST = 19
    R_WRIST = 20
    L_GRIP = 21
    """Middle of the closed hand."""
    R_GRIP = 22
    BAR = 23
    BAR_LEFT = 24
    """A unit length to the bar's left, so that its direction travels with the joints."""


JOINTS: Final = len(Joint)


class Skeleton:
    """Joints of T moments in the world, and the axes of trunk and head that a drawing needs."""

    __slots__ = ("head_axes", "joints", "trunk_axes")

    def __init__(self, joints: Array, trunk_axes: Array, head_axes: Array) -> None:
        self.joints = joints
        """(T, JOINTS, 3) metres."""
        self.trunk_axes = trunk_axes
        """(T, 3, 3) rows: left, up along the spine, forward."""
        self.head_axes = head_axes
        """(T, 3, 3) rows: left, up, forward (where the nose points)."""

    def __getitem__(self, joint: Joint) -> Array:
        """One joint: (T, 3)."""
        out: Array = self.joints[:, joint]
        return out


def empty(count: int) -> Array:
    """(count, CHANNELS) zeros."""
    return np.zeros((count, CHANNELS))


def unit(vectors: Array) -> Array:
    """Vectors of length one along the last axis."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9))


def turn(vectors: Array, axis: Array, angle: Array) -> Array:
    """`vectors` (T, 3) turned about unit `axis` (T, 3) by `angle` (T,), right-handed (Rodrigues)."""
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    along = np.sum(axis * vectors, axis=-1, keepdims=True)
    return np.asarray(vectors * cos + np.cross(axis, vectors) * sin + axis * along * (1.0 - cos))


def two_bones(root: Array, tip: Array, upper: float, lower: float, pole: Array) -> tuple[Array, Array]:
    """Joint between two bones that reach from `root` towards `tip`, bent towards `pole`; and the tip reached.

    All (T, 3). A tip out of reach is drawn in, so that bones keep their lengths.
    """
    reach = tip - root
    axis = unit(reach)
    distance = np.clip(np.linalg.norm(reach, axis=-1), abs(upper - lower) + 0.02, (upper + lower) * 0.9995)
    along = (upper**2 - lower**2 + distance**2) / (2.0 * distance)
    aside = np.sqrt(np.maximum(upper**2 - along**2, 0.0))
    bend = unit(pole - axis * np.sum(axis * pole, axis=-1, keepdims=True))
    middle = root + axis * along[:, None] + bend * aside[:, None]
    return middle, root + axis * distance[:, None]


def skeleton(body: BodyShape, posture: Array) -> Skeleton:
    """Joints of postures (T, CHANNELS), in the world."""
    joints = np.empty((len(posture), JOINTS, 3))
    trunk_axes = _trunk(body, posture, joints)
    head_axes = _head(body, posture, joints, trunk_axes)
    for side in (0, 1):
        _leg(body, posture, joints, side)
        _arm(body, posture, joints, side)
    joints[:, Joint.BAR] = posture[:, Channel.BAR_X : Channel.BAR_Z + 1]
    yaw = posture[:, Channel.BAR_YAW]
    left = np.stack([np.cos(yaw), np.zeros_like(yaw), np.sin(yaw)], axis=-1)
    joints[:, Joint.BAR_LEFT] = joints[:, Joint.BAR] + left
    rotation = heading(posture[:, Channel.YAW])
    world = joints @ rotation
    world[..., 0] += posture[:, None, Channel.FLOOR_X]
    world[..., 2] += posture[:, None, Channel.FLOOR_Z]
    return Skeleton(world, trunk_axes @ rotation, head_axes @ rotation)


def heading(yaw: Array) -> Array:
    """(T, 3, 3) matrices that turn rows of the body's frame into the world by right multiplication."""
    cos, sin, zero = np.cos(yaw), np.sin(yaw), np.zeros_like(yaw)
    one = np.ones_like(yaw)
    left = np.stack([cos, zero, sin], axis=-1)
    up = np.stack([zero, one, zero], axis=-1)
    forward = np.stack([-sin, zero, cos], axis=-1)
    return np.stack([left, up, forward], axis=1)


def _trunk(body: BodyShape, posture: Array, joints: Array) -> Array:
    pelvis = posture[:, Channel.PELVIS_X : Channel.PELVIS_Z + 1]
    lean, side = posture[:, Channel.LEAN], posture[:, Channel.SIDE]
    zero = np.zeros_like(lean)
    up = np.stack([np.sin(side), np.cos(side) * np.cos(lean), np.cos(side) * np.sin(lean)], axis=-1)
    left = unit(np.cross(up, np.stack([zero, -np.sin(lean), np.cos(lean)], axis=-1)))
    forward = np.cross(left, up)
    joints[:, Joint.PELVIS] = pelvis
    # An arc of the spine's length: its chord shortens as it rounds, its middle moves back (sagitta).
    angle = posture[:, Channel.ROUND, None]
    chord = body.trunk * np.sinc(angle / (2.0 * np.pi))
    back = body.trunk * angle / 8.0
    joints[:, Joint.COLLAR] = pelvis + up * chord
    joints[:, Joint.WAIST] = pelvis + up * chord * 0.33 - forward * back * 0.9
    joints[:, Joint.CHEST] = pelvis + up * chord * 0.70 - forward * back * 0.84
    for sign, hip, shoulder in ((1, Joint.L_HIP, Joint.L_SHOULDER), (-1, Joint.R_HIP, Joint.R_SHOULDER)):
        # The pelvis stays level: hips lean with the trunk forward, not sideways.
        joints[:, hip] = pelvis + np.array([sign * body.half_hips, 0.0, 0.0])
        joints[:, shoulder] = joints[:, Joint.COLLAR] + sign * body.half_shoulders * left
    return np.stack([left, up, forward], axis=1)


def _head(body: BodyShape, posture: Array, joints: Array, trunk_axes: Array) -> Array:
    nod, look = posture[:, Channel.NOD], posture[:, Channel.LOOK]
    zero = np.zeros_like(nod)
    left = np.stack([np.cos(look), zero, -np.sin(look)], axis=-1)
    ahead = np.stack([np.sin(look), zero, np.cos(look)], axis=-1)
    up = np.stack([zero, np.ones_like(nod), zero], axis=-1)
    forward = ahead * np.cos(nod)[:, None] - up * np.sin(nod)[:, None]
    crown = np.cross(forward, left)
    # The neck goes half with the trunk, half with the head; the head's middle lies before its top joint.
    neck = unit(trunk_axes[:, 1] + 0.8 * crown)
    joints[:, Joint.HEAD] = joints[:, Joint.COLLAR] + body.neck * neck + 0.012 * body.height * forward
    return np.stack([left, crown, forward], axis=1)


def _leg(body: BodyShape, posture: Array, joints: Array, side: int) -> None:
    sign = 1.0 - 2.0 * side
    hip = joints[:, Joint.L_HIP + side]
    ankle = posture[:, Channel.L_ANKLE_X + 3 * side : Channel.L_ANKLE_X + 3 * side + 3]
    out = posture[:, Channel.L_TOE_OUT + side] * sign
    ahead = np.stack([np.sin(out), np.zeros_like(out), np.cos(out)], axis=-1)
    axis = unit(ankle - hip)
    pole = turn(ahead, axis, sign * posture[:, Channel.L_KNEE_IN + side])
    knee, reached = two_bones(hip, ankle, body.thigh, body.shank, pole)
    pitch = posture[:, Channel.L_HEEL_UP + side, None]
    up = np.array([0.0, 1.0, 0.0])
    flat = ahead * np.cos(pitch) - up * np.sin(pitch)
    rise = ahead * np.sin(pitch) + up * np.cos(pitch)
    joints[:, Joint.L_KNEE + side] = knee
    joints[:, Joint.L_ANKLE + side] = reached
    joints[:, Joint.L_HEEL + side] = reached - flat * body.heel - rise * body.ankle * 0.66
    joints[:, Joint.L_TOE + side] = reached + flat * body.toe - rise * body.ankle * 0.68


def _arm(body: BodyShape, posture: Array, joints: Array, side: int) -> None:
    shoulder = joints[:, Joint.L_SHOULDER + side]
    wrist = posture[:, Channel.L_WRIST_X + 3 * side : Channel.L_WRIST_X + 3 * side + 3]
    pole = posture[:, Channel.L_ELBOW_X + 3 * side : Channel.L_ELBOW_X + 3 * side + 3]
    elbow, reached = two_bones(shoulder, wrist, body.upper_arm, body.forearm, pole)
    joints[:, Joint.L_ELBOW + side] = elbow
    joints[:, Joint.L_WRIST + side] = reached
    # A hand at the bar closes around it, wherever the forearm points; another goes on with the forearm.
    bar, yaw = posture[:, Channel.BAR_X : Channel.BAR_Z + 1], posture[:, Channel.BAR_YAW]
    axis = np.stack([np.cos(yaw), np.zeros_like(yaw), np.sin(yaw)], axis=-1)
    to_bar = bar - reached
    to_bar = to_bar - axis * np.sum(axis * to_bar, axis=-1, keepdims=True)
    near = np.clip(2.5 - np.linalg.norm(to_bar, axis=-1, keepdims=True) / body.hand, 0.0, 1.0)
    straight = unit(reached - elbow)
    joints[:, Joint.L_GRIP + side] = reached + unit(straight + near * (unit(to_bar) - straight)) * body.hand
