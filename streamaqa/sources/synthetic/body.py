"""How a body is built: segment lengths and girths of one lifter."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

SOLE: Final = 0.022
"""Metres that shoes add below the foot."""


@dataclass(frozen=True, slots=True)
class BodyShape:
    """Size and proportions of one person.

    Segment lengths are shares of the height after Drillis and Contini (1966), as Winter's "Biomechanics and
    Motor Control of Human Movement" prints them; the joint centres of shoulder and hip lie inside the
    breadths given there. The factors stretch them.
    """

    height: float = 1.75
    """Metres, standing."""
    legs: float = 1.0
    """Factor on thigh and shank; the trunk gives way, so that the height stays."""
    thighs: float = 1.0
    """Factor on the thigh alone, taken from the shank: long femurs make a squat lean forward."""
    arms: float = 1.0
    """Factor on both parts of the arm."""
    shoulders: float = 1.0
    """Factor on the shoulders' width."""
    hips: float = 1.0
    """Factor on the hips' width."""
    girth: float = 1.0
    """Factor on how thick trunk and limbs are."""

    @classmethod
    def random(cls, rng: np.random.Generator) -> BodyShape:
        """Somebody else, within the spread of adults: 1.58 to 1.92 m, proportions within a few per cent."""

        def around(centre: float, spread: float, limit: float = 2.0) -> float:
            return float(centre + spread * np.clip(rng.standard_normal(), -limit, limit))

        return cls(
            height=around(1.75, 0.085),
            legs=around(1.0, 0.02),
            thighs=around(1.0, 0.025),
            arms=around(1.0, 0.025),
            shoulders=around(1.0, 0.05),
            hips=around(1.0, 0.05),
            girth=around(1.03, 0.09),
        )

    def to_dict(self) -> dict[str, float]:
        """Plain numbers, for JSON."""
        return asdict(self)

    # --- lengths in metres, between joint centres ---------------------------------------------------------

    @property
    def ankle(self) -> float:
        """Height of the ankle over the floor, in shoes."""
        return 0.039 * self.height + SOLE

    @property
    def shank(self) -> float:
        """Ankle to knee."""
        return 0.246 * self.height * self.legs * (2.0 - self.thighs)

    @property
    def thigh(self) -> float:
        """Knee to hip."""
        return 0.245 * self.height * self.legs * self.thighs

    @property
    def leg(self) -> float:
        """Ankle to hip, straight."""
        return self.shank + self.thigh

    @property
    def trunk(self) -> float:
        """Middle of the hips to middle of the shoulders."""
        return 0.818 * self.height + SOLE - self.ankle - self.leg

    @property
    def upper_arm(self) -> float:
        """Shoulder to elbow."""
        return 0.180 * self.height * self.arms

    @property
    def forearm(self) -> float:
        """Elbow to wrist."""
        return 0.148 * self.height * self.arms

    @property
    def arm(self) -> float:
        """Shoulder to wrist, straight."""
        return self.upper_arm + self.forearm

    @property
    def hand(self) -> float:
        """Wrist to the knuckles' line, about which fingers close around a bar."""
        return 0.045 * self.height

    @property
    def half_shoulders(self) -> float:
        """Middle to the shoulder's joint."""
        return 0.102 * self.height * self.shoulders

    @property
    def half_hips(self) -> float:
        """Middle to the hip's joint."""
        return 0.056 * self.height * self.hips

    @property
    def neck(self) -> float:
        """Middle of the shoulders to the middle of the head."""
        return 0.120 * self.height

    @property
    def head(self) -> float:
        """Chin to crown."""
        return 0.130 * self.height

    @property
    def heel(self) -> float:
        """How far the heel lies behind the ankle."""
        return 0.035 * self.height

    @property
    def toe(self) -> float:
        """How far the tip of the foot lies before the ankle."""
        return 0.115 * self.height
