"""Clothes, rooms and cameras drawn by chance."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np

from streamaqa.sources.synthetic.script import Appearance, Camera, Colour, Room

_SKINS: Final[tuple[Colour, ...]] = (
    (236, 196, 170),
    (222, 178, 148),
    (198, 150, 116),
    (164, 116, 82),
    (122, 82, 58),
    (88, 60, 46),
)
_HAIRS: Final[tuple[Colour, ...]] = (
    (30, 26, 24),
    (62, 44, 34),
    (108, 74, 46),
    (176, 140, 84),
    (140, 136, 132),
)
_SHIRTS: Final[tuple[Colour, ...]] = (
    (38, 92, 150),
    (168, 48, 44),
    (52, 120, 84),
    (214, 214, 210),
    (46, 48, 54),
    (196, 150, 52),
    (110, 76, 140),
    (70, 140, 150),
    (120, 124, 128),
)
_SHORTS: Final[tuple[Colour, ...]] = ((40, 42, 52), (88, 90, 94), (36, 58, 96), (120, 44, 44), (60, 72, 56))
_SHOES: Final[tuple[Colour, ...]] = ((225, 225, 228), (34, 34, 38), (190, 60, 48), (60, 110, 180))
_WALLS: Final[tuple[Colour, ...]] = (
    (176, 180, 184),
    (150, 142, 132),
    (118, 128, 140),
    (196, 190, 178),
    (96, 100, 108),
)
_FLOORS: Final[tuple[Colour, ...]] = ((92, 94, 98), (70, 72, 76), (132, 118, 100), (58, 66, 78))
_ACCENTS: Final[tuple[Colour, ...]] = (
    (214, 120, 48),
    (60, 130, 190),
    (176, 52, 52),
    (90, 150, 70),
    (220, 190, 60),
)
_PLATES: Final[tuple[Colour, ...]] = ((36, 38, 42), (150, 40, 40), (38, 70, 140), (44, 110, 66))


def _pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    """One of the colours, a little shifted."""
    red, green, blue = (
        int(np.clip(c + rng.normal(0.0, 7.0), 12, 243)) for c in colours[int(rng.integers(len(colours)))]
    )
    return red, green, blue


def random_appearance(rng: np.random.Generator) -> Appearance:
    """Somebody else's looks."""
    hair_styles: tuple[Literal["short", "long", "bald"], ...] = ("short", "short", "long", "bald")
    sleeves: tuple[Literal["short", "none", "long"], ...] = ("short", "short", "none", "long")
    return Appearance(
        skin=_pick(rng, _SKINS),
        hair=_pick(rng, _HAIRS),
        hair_style=hair_styles[int(rng.integers(4))],
        shirt=_pick(rng, _SHIRTS),
        sleeves=sleeves[int(rng.integers(4))],
        shorts=_pick(rng, _SHORTS),
        legs="long" if rng.random() < 0.3 else "shorts",
        shoes=_pick(rng, _SHOES),
        socks=_pick(rng, ((235, 235, 235), (50, 50, 54))),
    )


def random_room(rng: np.random.Generator) -> Room:
    """Another gym."""
    return Room(
        wall=_pick(rng, _WALLS),
        floor=_pick(rng, _FLOORS),
        accent=_pick(rng, _ACCENTS),
        light=(float(rng.uniform(-0.9, 0.9)), float(rng.uniform(0.5, 1.0)), float(rng.uniform(0.2, 0.8))),
        brightness=float(rng.uniform(0.82, 1.12)),
        warmth=float(rng.uniform(-0.6, 0.8)),
        noise=float(rng.uniform(0.8, 3.0)),
        plates=_pick(rng, _PLATES),
        plate_radius=float(rng.choice([0.115, 0.14, 0.16, 0.18])),
        seed=int(rng.integers(1 << 30)),
    )


def random_camera(rng: np.random.Generator) -> Camera:
    """Somewhere a phone on a tripod, a bench or a shelf would be."""
    height = float(rng.uniform(0.6, 1.7))
    return Camera(
        distance=float(rng.uniform(3.6, 4.7)),
        height=height,
        aim=float(0.85 + 0.15 * height + rng.uniform(-0.04, 0.04)),
        field_of_view=float(rng.uniform(41.0, 46.0)),
        aside=float(rng.uniform(-0.12, 0.12)),
    )
