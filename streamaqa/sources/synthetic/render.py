"""Pictures of a scene.

Faces of the mannequin that look at the camera are filled from far to near with OpenCV, on a canvas of twice
the picture's size that is then averaged down, which smooths every edge. Only the box around what moves is
copied, drawn and averaged; the room is painted once. Vertices, normals and colours of several frames are
worked out together. Filling a face of a few pixels costs about a microsecond, less than rasterising part by
part on arrays, and some 3,000 of them look at the camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from streamaqa.sources.synthetic.backdrop import backdrop
from streamaqa.sources.synthetic.camera import View
from streamaqa.sources.synthetic.cast import Actor, actors
from streamaqa.sources.synthetic.face import Decals, face, features, head
from streamaqa.sources.synthetic.gear import barbell, dumbbells
from streamaqa.sources.synthetic.light import Grain, Light, Picture
from streamaqa.sources.synthetic.mesh import Tubes, limbs, trunk
from streamaqa.sources.synthetic.posture import Array, Joint, Skeleton, skeleton
from streamaqa.sources.synthetic.script import Scene

SHIFT = 3
"""Bits after the point in the coordinates that OpenCV fills by: an eighth of a canvas pixel."""


NEAREST = 0.3
"""Metres from the camera below which nothing is drawn."""


@dataclass(frozen=True, slots=True)
class Detail:
    """How finely to draw; chosen by the picture's size."""

    canvas: int
    """Canvas pixels per picture pixel, each way."""
    limb: int
    """Sides of a limb."""
    trunk: int
    """Sides of trunk and head."""
    plate: int
    """Sides of a plate."""
    rings: int
    """Factor on the number of rings along a part."""

    @classmethod
    def of(cls, size: tuple[int, int]) -> Detail:
        """Faces of some three canvas pixels at least: smaller ones cost and do not show."""
        if size[1] >= 300:
            return cls(2, 16, 28, 32, 2)
        return cls(2, 8, 12, 14, 1)


@dataclass(frozen=True, slots=True)
class Faces:
    """What can be filled in T frames: quadrilaterals and patches."""

    corners: Array
    """(T, F, K, 2) canvas pixels."""
    depth: Array
    """(T, F) metres from the camera."""
    facing: NDArray[np.bool_]
    """(T, F) whether a face looks at the camera."""
    colours: NDArray[np.uint8]
    """(T, F, 3) RGB as lit."""


class Renderer:
    """Draws one scene at one size. Frames may be asked for in any order and give the same pixels."""

    def __init__(self, scene: Scene, size: tuple[int, int], seed: int = 0) -> None:
        self.scene = scene
        self.size = size
        self.detail = Detail.of(size)
        canvas = (size[0] * self.detail.canvas, size[1] * self.detail.canvas)
        self.view = View(scene.camera, canvas)
        self.actors = actors(scene)
        self._room = backdrop(scene.room, self.view)
        self._canvas = self._room.copy()
        self._still = self._average(self._room)
        self._grain = Grain(size, scene.room.noise, seed)
        self._light = Light(scene.room, self.view)

    def render(self, times: Array, first: int = 0) -> list[Picture]:
        """(H, W, 3) RGB pictures at `times`; `first` is the number of the first, which picks its noise."""
        layers: list[list[Faces]] = []
        shades: list[tuple[Array, NDArray[np.bool_]]] = []
        for actor in self.actors:
            present = actor.present(times)
            if not present.any():
                continue
            posture = actor.posture(times)
            bones = skeleton(actor.body, posture)
            layers.append(self._faces(actor, times, bones))
            shades.append((bones.joints, present))
        out = []
        for n in range(len(times)):
            shown = [faces for faces, (_, present) in zip(layers, shades, strict=True) if present[n]]
            points = [joints[n] for joints, present in shades if present[n]]
            picture = self._draw(n, [f for faces in shown for f in faces], points)
            out.append(self._grain.add(picture, first + n))
        return out

    def _faces(self, actor: Actor, times: Array, bones: Skeleton) -> list[Faces]:
        detail = self.detail
        body, looks = actor.body, actor.appearance
        tubes: list[Tubes] = [
            limbs(body, looks, bones, detail.limb, detail.rings),
            trunk(body, looks, bones, detail.trunk, detail.rings),
            head(body, looks, bones, detail.trunk, detail.rings),
            features(body, looks, bones),
        ]
        tubes_of_gear = self._gear(actor, times, bones)
        out = [self._tube_faces(tube, smooth=True) for tube in tubes]
        for tube, there in tubes_of_gear:
            faces = self._tube_faces(tube, smooth=False)
            faces.facing[~there] = False
            out.append(faces)
        out.append(self._decal_faces(face(body, looks, bones)))
        return out

    def _gear(self, actor: Actor, times: Array, bones: Skeleton) -> list[tuple[Tubes, NDArray[np.bool_]]]:
        held = actor.implements(times)
        out = []
        with_bar = np.isin(held, ("barbell", "front_rack"))
        if with_bar.any():
            out += [(tube, with_bar) for tube in barbell(bones, self.scene.room, self.detail.plate)]
        with_bells = held == "dumbbells"
        if with_bells.any():
            # Along the shoulders overhead, fore and aft when hanging.
            up = bones[Joint.L_WRIST][:, 1:2] > bones[Joint.L_SHOULDER][:, 1:2] - 0.1
            direction = np.where(
                up, bones.trunk_axes[:, 0], bones.head_axes[:, 2] * np.array([1.0, 0.0, 1.0])
            )
            out += [(tube, with_bells) for tube in dumbbells(bones, direction, self.scene.room)]
        return out

    def _tube_faces(self, tube: Tubes, *, smooth: bool) -> Faces:
        p = self.view.to_camera(tube.points)
        a, b, c, d = _corners(p)
        middle = 0.25 * (a + b + c + d)
        normal = np.cross(c - a, d - b)
        # All faces of a tube wind the same way round; whether that is outward shows in their sum.
        hubs = self.view.to_camera(tube.centres[0])
        hub = 0.5 * (hubs[:, :-1] + hubs[:, 1:])[:, :, None]
        outward = np.sum(normal[0] * (middle[0] - hub), axis=(1, 2, 3))
        normal *= np.sign(outward)[:, None, None, None]
        normal /= np.maximum(_length(normal), 1e-12)[..., None]
        shaded = normal
        if smooth:
            # Shade by the neighbours' normals too, so that rings do not show as creases.
            shaded = normal.copy()
            shaded[:, :, 1:-1] += 0.8 * (normal[:, :, 2:] + normal[:, :, :-2])
            shaded /= _length(shaded)[..., None]
        lit, cosine = self._lit(tube.colours, normal, shaded, middle)
        count, faces = len(p), int(np.prod(normal.shape[1:4]))
        return Faces(
            np.stack(_corners(self.view.project(p)), axis=-2).reshape(count, faces, 4, 2),
            middle[..., 2].reshape(count, faces),
            ((cosine > 0.0) & (middle[..., 2] > NEAREST)).reshape(count, faces),
            lit.reshape(count, faces, 3),
        )

    def _decal_faces(self, decals: Decals) -> Faces:
        points = self.view.to_camera(decals.points)
        normal = decals.normals @ self.view.axes.T
        middle = points.mean(axis=-2)
        lit, cosine = self._lit(decals.colours, normal, normal, middle)
        # Patches lie on a face's quadrilaterals: drawn after them.
        depth = middle[..., 2] - 0.03
        return Faces(self.view.project(points), depth, (cosine > 0.0) & (depth > NEAREST), lit)

    def _lit(
        self, colours: Array, normal: Array, shaded: Array, middle: Array
    ) -> tuple[NDArray[np.uint8], Array]:
        """Lit colours, and the cosine between true normals and the way to the camera."""
        cosine = -np.einsum("...k,...k->...", normal, middle) / _length(middle)
        return self._light.on(colours, shaded, cosine), cosine

    def _draw(self, n: int, layers: list[Faces], joints: list[Array]) -> Picture:
        picture = self._still.copy()
        polygons: list[NDArray[np.int32]] = []
        depths, colours = [], []
        low, high = np.full(2, np.inf), np.full(2, -np.inf)
        for faces in layers:
            shown = faces.facing[n]
            corners = faces.corners[n][shown]
            if not len(corners):
                continue
            low = np.minimum(low, corners.min(axis=(0, 1)))
            high = np.maximum(high, corners.max(axis=(0, 1)))
            # OpenCV's pixel centres are whole numbers.
            polygons += list(np.round((corners - 0.5) * (1 << SHIFT)).astype(np.int32))
            depths.append(faces.depth[n][shown])
            colours.append(faces.colours[n][shown])
        if not polygons:
            return picture
        shadows = [self._shadow_of(points) for points in joints]
        for shadow in shadows:
            low, high = np.minimum(low, shadow.min(axis=0)), np.maximum(high, shadow.max(axis=0))
        box = self._box(low, high)
        if box is None:
            return picture
        x0, y0, x1, y1 = box
        self._canvas[y0:y1, x0:x1] = self._room[y0:y1, x0:x1]
        for shadow in shadows:
            self._cast(shadow)
        order = np.argsort(-np.concatenate(depths), kind="stable").tolist()
        paint = np.concatenate(colours).tolist()
        fill, canvas = cv2.fillConvexPoly, self._canvas
        for i in order:
            fill(canvas, polygons[i], paint[i], 8, SHIFT)
        k = self.detail.canvas
        picture[y0 // k : y1 // k, x0 // k : x1 // k] = self._average(self._canvas[y0:y1, x0:x1])
        return picture

    def _average(self, canvas: Picture) -> Picture:
        k = self.detail.canvas
        size = (canvas.shape[1] // k, canvas.shape[0] // k)
        return np.asarray(cv2.resize(canvas, size, interpolation=cv2.INTER_AREA), np.uint8)

    def _box(self, low: Array, high: Array) -> tuple[int, int, int, int] | None:
        """The box in canvas pixels, on whole picture pixels, or None outside of the picture."""
        k = self.detail.canvas
        x0, y0 = (max(0, int(v - 2) // k * k) for v in low)
        limit = (self.size[0] * k, self.size[1] * k)
        x1, y1 = (min(end, (int(v + 2) // k + 1) * k) for v, end in zip(high, limit, strict=True))
        return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None

    def _shadow_of(self, joints: Array) -> Array:
        """(48, 2) canvas pixels: the outline of an ellipse on the floor below a skeleton."""
        feet = joints[[Joint.L_ANKLE, Joint.R_ANKLE, Joint.PELVIS]]
        middle = feet.mean(axis=0)
        reach = np.maximum(np.ptp(feet, axis=0) / 2.0, 0.0) + np.array([0.24, 0.0, 0.22])
        angle = 2.0 * np.pi * np.arange(48) / 48.0
        outline = np.stack([np.cos(angle) * reach[0], 0.0 * angle, np.sin(angle) * reach[2]], axis=1)
        outline += np.array([middle[0], 0.0, middle[2]])
        return self.view.project(self.view.to_camera(outline))

    def _cast(self, outline: Array) -> None:
        """Darken the floor softly within `outline`."""
        low, high = outline.min(axis=0), outline.max(axis=0)
        box = self._box(low, high)
        if box is None:
            return
        x0, y0, x1, y1 = box
        patch = self._canvas[y0:y1, x0:x1]
        # A quarter of the canvas' resolution is plenty for something this soft.
        width, height = max(8, (x1 - x0) // 4), max(4, (y1 - y0) // 4)
        mask = np.full((height, width), 255, np.uint8)
        middle, scale = (low + high) / 2.0, np.array([width / (x1 - x0), height / (y1 - y0)])
        for size, level in ((0.92, 235), (0.74, 205), (0.56, 175), (0.38, 150)):
            ring = (middle + size * (outline - middle) - (x0, y0)) * scale
            cv2.fillConvexPoly(mask, np.round(ring * 8).astype(np.int32), level, 8, 3)
        soft = cv2.GaussianBlur(mask, (0, 0), max(1.0, width / 24.0))
        wide = cv2.resize(soft, (x1 - x0, y1 - y0), interpolation=cv2.INTER_LINEAR)
        cv2.multiply(patch, cv2.merge([wide, wide, wide]), dst=patch, scale=1.0 / 255.0)


def _corners(rings: Array) -> tuple[Array, Array, Array, Array]:
    """The corners of the faces between rings (T, P, R, S, k), going round: four of (T, P, R - 1, S, k)."""
    following = np.roll(rings, -1, axis=3)
    return rings[:, :, :-1], following[:, :, :-1], following[:, :, 1:], rings[:, :, 1:]


def _length(vectors: Array) -> Array:
    """Lengths along the last axis; faster than the norm for three components."""
    return np.asarray(np.sqrt(np.einsum("...k,...k->...", vectors, vectors)))
