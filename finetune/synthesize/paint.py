"""Pictures of a shot, several thousand a second.

The room is painted once. Each frame copies what the camera sees of it, fills the lifter's polygons from far
to near, then whatever stands before them, and averages the canvas down.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from finetune.synthesize.capsules import CORNERS, Studio, padded
from finetune.synthesize.figure import figure
from finetune.synthesize.shot import Lens, Shot
from streamaqa.sources.synthetic.backdrop import backdrop
from streamaqa.sources.synthetic.camera import View
from streamaqa.sources.synthetic.light import tint
from streamaqa.sources.synthetic.posture import Array, Joint, Skeleton

Picture: TypeAlias = NDArray[np.uint8]

SHIFT: Final = 3
"""Bits after the point in the coordinates that OpenCV fills by: an eighth of a canvas pixel."""


def paint(shot: Shot, lens: Lens, bones: Skeleton) -> Iterator[Picture]:
    """(H, W, 3) RGB pictures, one for each moment of `bones`. Each is overwritten by the next."""
    sheet = _sheet(shot, lens, bones)
    polygons, colours, order = _polygons(shot, lens, bones)
    canvas = np.empty((lens.canvas, lens.canvas, 3), np.uint8)
    picture = np.empty((lens.size, lens.size, 3), np.uint8)
    fill = cv2.fillConvexPoly
    frames = zip(lens.offsets.tolist(), polygons, colours.tolist(), order.tolist(), strict=True)
    for (x, y), corners, paints, inward in frames:
        np.copyto(canvas, sheet[y : y + lens.canvas, x : x + lens.canvas])
        outlines = list(corners)
        for i in inward:
            fill(canvas, outlines[i], paints[i], 8, SHIFT)
        cv2.resize(canvas, (lens.size, lens.size), dst=picture, interpolation=cv2.INTER_AREA)
        yield picture


def _polygons(
    shot: Shot, lens: Lens, bones: Skeleton
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.intp]]:
    """(T, N, CORNERS, 2) in OpenCV's fixed point, colours (T, N, 3), and (T, N) the order of painting."""
    scene = shot.scene
    parts = figure(scene.body, scene.appearance, scene.room, bones, Studio(scene.room, lens.view))
    count = sum(part.corners.shape[1] for part in parts) + len(shot.screens)
    fixed = np.empty((len(shot.times), count, CORNERS, 2), np.int32)
    done = 0
    # Part by part: what fits into the processor's cache is turned and rounded several times faster.
    for part in parts:
        done += _put(lens.on_canvas(part.corners), fixed, done)
    colours = [part.colours for part in parts]
    depth = [part.depth for part in parts]
    for screen in shot.screens:
        done += _put(padded(screen.at(shot.times)[:, None]) * lens.canvas, fixed, done)
        shade = np.clip(screen.colour * tint(scene.room), 0, 255).astype(np.uint8)
        colours.append(np.broadcast_to(shade, (len(fixed), 1, 3)))
        # Before everything else, the later one before the earlier.
        depth.append(np.full((len(fixed), 1), -float(done)))
    order = np.argsort(-np.concatenate(depth, axis=1), axis=1, kind="stable")
    return fixed, np.concatenate(colours, axis=1), order


def _put(corners: Array, fixed: NDArray[np.int32], at: int) -> int:
    """Round canvas pixels into their place; how many polygons they were."""
    # OpenCV's pixel centres are whole numbers. Far outside of the picture a coordinate may not overflow.
    scaled = np.clip(corners, -1e4, 1e4)
    scaled -= 0.5
    scaled *= 1 << SHIFT
    fixed[:, at : at + corners.shape[1]] = np.rint(scaled, out=scaled)
    return int(corners.shape[1])


def _sheet(shot: Shot, lens: Lens, bones: Skeleton) -> Picture:
    """The room with the lifter's shadow: a repetition is done in one place, so it hardly moves."""
    # The room is out of focus anyway: painted at the picture's own resolution.
    size = lens.view.size[0] // 2
    half = View(lens.view.camera, (size, size))
    room = backdrop(shot.scene.room, half)
    _cast_shadow(room, half, bones)
    turned = np.eye(2, 3)
    turned[:, :2] = lens.turn.T
    middle = np.array([size / 2.0, size / 2.0]) - 0.5
    turned[:, 2] = middle - lens.turn.T @ middle
    room = np.asarray(
        cv2.warpAffine(room, turned, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )
    return np.asarray(cv2.resize(room, lens.view.size, interpolation=cv2.INTER_LINEAR), np.uint8)


def _cast_shadow(room: Picture, view: View, bones: Skeleton) -> None:
    """Darken the floor softly below feet and hips."""
    low = bones.joints[:, [Joint.L_ANKLE, Joint.R_ANKLE, Joint.PELVIS]].reshape(-1, 3)
    middle, reach = low.mean(axis=0), np.ptp(low, axis=0) / 2.0 + np.array([0.20, 0.0, 0.18])
    angle = 2.0 * np.pi * np.arange(24) / 24.0
    outline = np.stack([np.cos(angle) * reach[0], 0.0 * angle, np.sin(angle) * reach[2]], axis=1)
    outline += np.array([middle[0], 0.0, middle[2]])
    flat = view.project(view.to_camera(outline))
    mask = np.full(room.shape[:2], 255, np.uint8)
    cv2.fillConvexPoly(mask, np.round(flat * 8.0).astype(np.int32), 150, 8, SHIFT)
    soft = cv2.GaussianBlur(mask, (0, 0), max(0.8, view.size[1] / 60.0))
    cv2.multiply(room, cv2.merge([soft, soft, soft]), dst=room, scale=1.0 / 255.0)
