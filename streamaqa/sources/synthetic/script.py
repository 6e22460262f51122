"""What a scene is made of: people, their looks, sets with faults, and everything that is no repetition.

All frozen and free of hidden chance: what is random was drawn when the script was made, so the same script
gives the same motion, truth and pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from streamaqa.sources.synthetic.body import BodyShape

Implement: TypeAlias = Literal["barbell", "front_rack", "dumbbells", "none"]
DistractorKind: TypeAlias = Literal[
    "walk_in", "walk_out", "stand", "talk", "unrack", "rack", "deadlift", "curl", "walk"
]
OtherKind: TypeAlias = Literal[
    "lunge", "split_squat", "kneel", "step_up", "pick_up", "good_morning", "kettlebell_swing", "front_raise",
    "lateral_raise", "stretch", "jumping_jack", "upright_row", "triceps_extension", "pull_up", "drink",
]  # fmt: skip
Colour: TypeAlias = tuple[int, int, int]
"""RGB, 0 to 255."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One error drawn in one repetition, ramping in and out within its interval.

    One that starts with the repetition (`start` 0) is there already: its ramp lies before, as lifters bend
    their knees or let their elbows drift before the bar leaves the shoulders.
    """

    error: str
    """Wire name in the vocabulary."""
    magnitude: float
    """Degrees at the plateau: of the shank (knees_forward), of the knees about the line from hip to ankle
    (knees_inward), of the thigh short of the usual depth (shallow), of the forearms (elbows), of the knees
    (knees), of the trunk (torso_angle), of the spine (lumbar)."""
    start: float
    """Share of the repetition's time, counted from its true start to its true end."""
    end: float


@dataclass(frozen=True, slots=True)
class RepScript:
    """One repetition; phases follow a minimum-jerk profile (Flash and Hogan 1985)."""

    first: float = 1.2
    """Seconds of the whole first phase, standstill to standstill."""
    second: float = 1.2
    hold: float = 0.15
    """Seconds at the turn."""
    rest: float = 0.4
    """Seconds of standstill after the repetition."""
    extent: float = 1.0
    """Share of the full range of motion."""
    faults: tuple[Fault, ...] = ()
    variation: tuple[Fault, ...] = ()
    """Drawn like faults, but within what clean repetitions show: no error in the truth."""


@dataclass(frozen=True, slots=True)
class Style:
    """How this lifter does it: the same over a set. Angles in degrees, widths as factors on the body's."""

    implement: Implement = "barbell"
    stance: float = 1.75
    """Half the distance of the ankles over half that of the hips."""
    toe_out: float = 18.0
    grip: float = 1.35
    """Half the distance of the hands over half that of the shoulders."""
    shank: float = 29.0
    """Squat: the shank from upright at the turn."""
    depth: float = 97.0
    """Squat: the thigh from upright at the turn; 90 is parallel to the floor."""
    hinge: float = 56.0
    """Row: the trunk from upright."""
    knees: float = 32.0
    """Row: bend of the knees."""
    sway: float = 1.0
    """Factor on the small movements of somebody who stands still."""
    phase: float = 0.0
    """Where in that sway the set begins, radians."""


@dataclass(frozen=True, slots=True)
class SetScript:
    """Repetitions of one exercise, with standing before and after."""

    exercise: str
    """Wire name in the vocabulary."""
    reps: tuple[RepScript, ...]
    view: float = 0.0
    """Degrees: 0 faces the camera, 90 shows the left side, 180 the back, 270 the right side."""
    style: Style = Style()
    before: float = 1.0
    """Seconds of standing in position before the first repetition."""
    after: float = 1.0
    station: tuple[float, float] = (0.0, 0.0)
    """Where on the floor: metres to the camera's right, and towards it."""

    @property
    def duration(self) -> float:
        """Seconds."""
        return self.before + self.after + sum(r.first + r.hold + r.second + r.rest for r in self.reps)


@dataclass(frozen=True, slots=True)
class Distractor:
    """Something that is no repetition."""

    kind: DistractorKind | OtherKind
    duration: float
    """Seconds."""
    view: float = 0.0
    """As in `SetScript`; the direction a walker ends or begins with."""
    style: Style = Style()
    repeats: int = 1
    """How many deadlifts, curls, lunges, ..."""
    seed: int = 0
    """Draws the small things: where to walk, how to gesture."""
    station: tuple[float, float] = (0.0, 0.0)


Segment: TypeAlias = SetScript | Distractor


@dataclass(frozen=True, slots=True)
class Appearance:
    """What somebody looks like."""

    skin: Colour = (205, 160, 130)
    hair: Colour = (62, 44, 34)
    hair_style: Literal["short", "long", "bald"] = "short"
    shirt: Colour = (38, 92, 150)
    sleeves: Literal["short", "none", "long"] = "short"
    shorts: Colour = (40, 42, 52)
    legs: Literal["shorts", "long"] = "shorts"
    shoes: Colour = (225, 225, 228)
    socks: Colour = (235, 235, 235)


@dataclass(frozen=True, slots=True)
class Passer:
    """A second person who walks across the picture."""

    start: float
    """Seconds of the scene."""
    duration: float = 5.0
    distance: float = -1.2
    """Where they walk: metres towards the camera from the lifter; negative is behind the lifter."""
    rightward: bool = True
    body: BodyShape = field(default_factory=BodyShape)
    appearance: Appearance = Appearance(shirt=(150, 60, 52), shorts=(70, 74, 84), legs="long")


@dataclass(frozen=True, slots=True)
class Companion:
    """A second person with something to do: a spotter, somebody who waits, another lifter."""

    segments: tuple[Segment, ...]
    """As in `Scene`, each at its `station`; they are there from the first to the last."""
    start: float = 0.0
    """Seconds of the scene."""
    transition: float = 1.4
    """As in `Scene`."""
    body: BodyShape = field(default_factory=BodyShape)
    appearance: Appearance = Appearance(shirt=(150, 60, 52), shorts=(70, 74, 84), legs="long")


@dataclass(frozen=True, slots=True)
class Room:
    """The gym behind the lifter, its light, and the camera's faults."""

    wall: Colour = (176, 180, 184)
    floor: Colour = (92, 94, 98)
    accent: Colour = (214, 120, 48)
    light: tuple[float, float, float] = (-0.45, 0.75, 0.55)
    """Where the main light comes from: right, up, towards the camera."""
    brightness: float = 1.0
    warmth: float = 0.0
    """-1 blue to 1 orange."""
    noise: float = 1.6
    """Standard deviation of the sensor's noise in 8-bit steps."""
    plates: Colour = (36, 38, 42)
    plate_radius: float = 0.14
    """Metres. The standard plate of 0.225 hides a lifter's upper body from the side; 0.14 is a 5 kg plate."""
    seed: int = 0
    """Places the furniture."""


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole on the line x = 0, looking at the lifter's place."""

    distance: float = 3.9
    """Metres along the floor from the origin."""
    height: float = 1.15
    """Metres over the floor."""
    aim: float = 1.02
    """Height looked at, at the origin."""
    field_of_view: float = 43.0
    """Degrees, from top to bottom of the picture."""
    aside: float = 0.0
    """Metres to the right that are looked at, at the origin: shifts the lifter to the left."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that is to be seen, from time 0."""

    segments: tuple[Segment, ...]
    body: BodyShape = field(default_factory=BodyShape)
    appearance: Appearance = Appearance()
    camera: Camera = Camera()
    room: Room = Room()
    passers: tuple[Passer | Companion, ...] = field(default=())
    """Everybody else."""
    transition: float = 1.4
    """Seconds between two segments, in which the lifter moves from one posture into the next; turning
    around takes longer."""
    name: str = "synthetic"
