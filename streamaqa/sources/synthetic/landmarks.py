"""MediaPipe's 33 landmarks on the skeleton, and which of them the camera can see."""

from __future__ import annotations

from typing import Final

import numpy as np

from streamaqa.sources.synthetic.body import BodyShape
from streamaqa.sources.synthetic.camera import View
from streamaqa.sources.synthetic.posture import Array, Joint, Skeleton, unit

# Left, up and forward of the head's middle, as shares of the head's height (about 0.23 m); left side of each
# pair. After head shapes of adults; nose, then inner, middle and outer eye, ear, mouth.
_NOSE: Final = (0.0, -0.06, 0.50)
_PAIRS: Final = (
    (0.075, 0.065, 0.40),
    (0.135, 0.065, 0.385),
    (0.195, 0.065, 0.33),
    (0.335, 0.0, -0.02),
    (0.105, -0.24, 0.37),
)
# MediaPipe's order: 1-3 left eye, 4-6 right eye, 7-8 ears, 9-10 mouth.
_FACE: Final = np.array(
    [
        _NOSE,
        *_PAIRS[:3],
        *[(-x, y, z) for x, y, z in _PAIRS[:3]],
        _PAIRS[3],
        (-_PAIRS[3][0], *_PAIRS[3][1:]),
        _PAIRS[4],
        (-_PAIRS[4][0], *_PAIRS[4][1:]),
    ]
)
# Landmarks 11 on, in pairs.
_LIMBS: Final = (
    (11, Joint.L_SHOULDER),
    (13, Joint.L_ELBOW),
    (15, Joint.L_WRIST),
    (23, Joint.L_HIP),
    (25, Joint.L_KNEE),
    (27, Joint.L_ANKLE),
    (29, Joint.L_HEEL),
    (31, Joint.L_TOE),
)


def mediapipe_points(body: BodyShape, bones: Skeleton) -> Array:
    """(T, 33, 3) in the world."""
    out = np.empty((len(bones.joints), 33, 3))
    out[:, :11] = bones[Joint.HEAD][:, None] + body.head * (_FACE @ bones.head_axes)
    for first, joint in _LIMBS:
        out[:, first] = bones.joints[:, joint]
        out[:, first + 1] = bones.joints[:, joint + 1]
    for side in (0, 1):
        wrist, grip = bones.joints[:, Joint.L_WRIST + side], bones.joints[:, Joint.L_GRIP + side]
        along = grip - wrist
        # Knuckles lie across the hand, thumb towards the body's middle.
        elbow_line = unit(along)
        across = np.cross(elbow_line, bones.trunk_axes[:, 2])
        across = unit(across) * body.hand * 0.42 * (1.0 - 2.0 * side)
        upward = np.sign(-elbow_line[:, 1:2])
        out[:, 17 + side] = wrist + 1.15 * along - across * upward
        out[:, 19 + side] = wrist + 1.25 * along + 0.6 * across * upward
        out[:, 21 + side] = wrist + 0.75 * along + 1.1 * across * upward
    return out


# Capsules that hide what lies behind them: two joints, radius as a share of the height at girth 1, and the
# landmarks on the capsule itself, which it cannot hide.
_SCREENS: Final = (
    (Joint.PELVIS, Joint.COLLAR, 0.075, (11, 12, 23, 24)),
    (Joint.L_HIP, Joint.L_KNEE, 0.040, (23, 25)),
    (Joint.R_HIP, Joint.R_KNEE, 0.040, (24, 26)),
    (Joint.L_KNEE, Joint.L_ANKLE, 0.028, (25, 27, 29, 31)),
    (Joint.R_KNEE, Joint.R_ANKLE, 0.028, (26, 28, 30, 32)),
    (Joint.L_SHOULDER, Joint.L_ELBOW, 0.024, (11, 13)),
    (Joint.R_SHOULDER, Joint.R_ELBOW, 0.024, (12, 14)),
    (Joint.HEAD, Joint.HEAD, 0.050, tuple(range(11))),
)
HIDDEN: Final = 0.25
"""Visibility of a landmark behind the body, near what the pose model says of far limbs seen from the side."""
OUTSIDE: Final = 0.05
"""Visibility of a landmark outside of the picture."""


def visibility(body: BodyShape, bones: Skeleton, points: Array, view: View) -> Array:
    """(T, 33) in [0, 1] for camera points (T, 33, 3): 0.99 seen, less behind the body or out of the picture.

    The line from camera to landmark is held against capsules about trunk, limbs and head. The face keeps its
    visibility from behind, as the pose model gives it.
    """
    seen = np.full(points.shape[:2], 0.99)
    distance = np.linalg.norm(points, axis=-1)
    rays = points / distance[..., None]
    for first, second, radius, own in _SCREENS:
        ends = view.to_camera(np.stack([bones[first], bones[second]], axis=1))
        size = radius * body.height * body.girth
        gap, along = _ray_to_segment(rays, ends[:, 0], ends[:, 1])
        behind = (gap < size) & (along < distance - 1.2 * size)
        behind[:, list(own)] = False
        seen[behind] = HIDDEN
    flat = view.project(points)
    inside = ((flat >= 0.0) & (flat < np.asarray(view.size))).all(axis=-1)
    seen[~inside] = OUTSIDE
    return seen


def _ray_to_segment(rays: Array, start: Array, end: Array) -> tuple[Array, Array]:
    """Smallest distance between rays (T, L, 3) from the origin and segments (T, 3), and where on the ray."""
    way = end - start
    length2 = np.maximum(np.sum(way * way, axis=-1), 1e-9)[:, None]
    ray_way = np.einsum("tlk,tk->tl", rays, way)
    ray_start = np.einsum("tlk,tk->tl", rays, start)
    way_start = np.sum(way * start, axis=-1)[:, None]
    bottom = np.maximum(length2 - ray_way**2, 1e-9)
    share = np.clip((ray_way * ray_start - way_start) / bottom, 0.0, 1.0)
    nearest = start[:, None] + share[..., None] * way[:, None]
    along = np.einsum("tlk,tlk->tl", rays, nearest)
    return np.linalg.norm(nearest - along[..., None] * rays, axis=-1), along
