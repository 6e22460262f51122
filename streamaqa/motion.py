"""What a movement looks like, as data: the signal to follow and the gates a repetition has to pass.

An `Exercise` refers to one `Motion`; the segmenter knows no exercise by name. Design choices:

- Every length is in torso lengths (shoulder to hip) of the lifter and every height points up, so that nothing
  here depends on the size of the picture, on where the lifter stands in it or on which side is left.
- Heights come from the picture, where the pose model is precise; angles come from the world coordinates,
  which do not depend on the view.
- A gate that could only be tuned to a camera position is not here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Sight:
    """The heights of one pose as they were seen: pixels that count up, left before right."""

    ruler: float
    """Pixels of a torso length, as far as was known then."""
    arms: float
    """Share of the left arm where both are joined, in [0, 1], as far as was known then."""
    legs: float
    """Share of the left leg."""
    shoulders: float
    hips: float
    ankles: tuple[float, float]
    elbows: tuple[float, float]
    wrists: tuple[float, float]
    risen: NDArray[np.float64] | None = None
    """(LOAD_POINTS + HIP_POINTS,) pixels that each point followed in the picture has gone up since then."""
    since: float = 0.0
    """Seconds of stream time from which on points have been followed without a break."""
    lost: int = 0
    """In how many pictures since then most of the points were lost."""


@dataclass(frozen=True, slots=True)
class Posture:
    """One pose, reduced to what movements are told by. Both sides are joined, weighted by visibility."""

    time: float
    """Seconds of stream time."""
    aside: float
    """How far the shoulders moved across the picture since they were first seen, torso lengths."""
    shoulders: float
    """Height in torso lengths above where the lifter's shoulders were when first seen; so are all heights."""
    hips: float
    ankles: float
    elbows: float
    wrists: float
    knee: float
    """Angle thigh to shank in degrees, 180 with a straight leg."""
    elbow: float
    """Angle upper arm to forearm in degrees, 180 with a straight arm."""
    lean: float
    """Angle of the trunk to the vertical in degrees, 0 upright, 90 horizontal."""
    arms: float
    """Visibility of the better arm, in [0, 1]."""
    legs: float
    """Visibility of the better leg down to the ankle, in [0, 1]."""
    facing: float
    """How far the left shoulder lies to the right of the right one in the picture, torso lengths: some 0.7
    with the face to the camera, less than 0 with the back."""
    feet: float
    """Where across the picture the ankles are, torso lengths to the right of where `aside` counts from."""
    stride: float
    """Torso lengths that one ankle is ahead of the other, along the floor and across the line of the hips."""
    knees_apart: float
    """Torso lengths that one knee is lower than the other in the picture, beside what hips and ankles differ
    by. This and `stride` are 0 where one leg is not seen."""
    hands_above: float = 0.0
    """Torso lengths that the higher hand is above the picture's upper edge; negative within it."""
    hands_within: float = 0.0
    """Torso lengths by which the hands are closer together across the picture than the ankles; 0 where one
    leg is not seen."""
    lone: float = 0.0
    """How much one arm counts alone, in [0, 1]: the other one rests while it works."""
    walked: bool = False
    """Whether this is where a walk to or from the camera was noticed: heights before it do not compare."""
    sight: Sight | None = None
    """What the heights were measured from; None if they were made by hand."""


Measure: TypeAlias = Callable[[Posture], float]
"""Something that can be measured of one pose."""

Moment: TypeAlias = Literal["start", "turn", "end", "rise", "change", "over", "peak", "drift"]
"""Where in a repetition a gate looks: at its first moment, its turn, its end; at the rise from the start to
the turn, which is asked about already when a movement is noticed; at how the turn differs from start or end,
whichever it differs from more (a recording may begin or stop in the middle of a repetition); at how far the
turn, or the highest that was seen on the way (`peak`), lies over the lower of start and end; or at how the
end differs from the start."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What must hold for a movement to be a repetition of this exercise."""

    name: str
    """Snake case; the reason a unit is cancelled with."""
    measure: Measure
    moment: Moment
    low: float = float("-inf")
    high: float = float("inf")
    softness: float = 0.1
    """Distance from the border, in the measure's unit, at which the gate is sure (for the probability)."""
    instead: tuple[Gate, ...] = ()
    """Gates that do, all together, where this one fails."""

    def margin(self, start: float, turn: float, end: float) -> float:
        """How far inside the gate the values of `measure` at these moments lie, in units of `softness`."""
        ways = (turn - start, turn - end)
        values = {"start": start, "turn": turn, "end": end, "rise": turn - start}
        values |= {"change": max(ways, key=abs), "over": max(ways), "peak": max(ways)}
        value = values.get(self.moment, end - start)
        return min(value - self.low, self.high - value) / self.softness

    def judge(
        self,
        values: Callable[[Measure], tuple[float, float, float]],
        highest: Callable[[Measure], float] | None = None,
        *,
        ended: bool = True,
    ) -> float:
        """How far inside this gate, or inside all of those that do instead, whichever is farther.

        `values` reads a measure at start, turn and end, `highest` the highest that it was between; the turn's
        if not given. What looks at the end is passed while the movement has not `ended`.
        """
        if not ended and self.moment in ("end", "drift"):
            return float("inf")
        start, turn, end = values(self.measure)
        if self.moment == "peak" and highest is not None:
            turn = highest(self.measure)
        margin = self.margin(start, turn, end)
        if not self.instead:
            return margin
        return max(margin, min(gate.judge(values, highest, ended=ended) for gate in self.instead))


Followed: TypeAlias = Literal["load", "hips"]
"""What is followed in the picture: the hands and what they hold, or the hips."""


@dataclass(frozen=True, slots=True)
class Motion:
    """How the segmenter recognizes one exercise."""

    signal: Measure
    """Height of the load or body in torso lengths: lifting makes it rise."""
    least_range: float
    """Travel of `signal` in torso lengths below which nothing is a repetition."""
    gates: tuple[Gate, ...] = ()
    height: Measure | None = None
    """Height of the load, where boundaries are read from another one than `signal`."""
    followed: Followed | None = None
    """Which points in the picture go up and down with the load, where the picture is at hand."""
    trusted: float = 1.0
    """The odds of the boundaries read from those points against the landmarks', where both are as smooth."""


def trunk_height(posture: Posture) -> float:
    """Height of the trunk: falls and rises with the body in a squat.

    The hips count twice, because the shoulders also fall as the trunk leans; without the shoulders the signal
    is lost behind plates and racks.
    """
    return (posture.shoulders + 2 * posture.hips) / 3


def body_height(posture: Posture) -> float:
    """Height of the body as a squat's boundaries are read: of the hips, and a fifth of the shoulders."""
    return (posture.shoulders + 4 * posture.hips) / 5


def wrist_height(posture: Posture) -> float:
    """Height of the hands, which hold the load of a row; the pose model moves the hips along."""
    return posture.wrists


def shoulder_height(posture: Posture) -> float:
    """Height of the shoulders."""
    return posture.shoulders


def hip_height(posture: Posture) -> float:
    """Height of the hips, which a row leaves where they are."""
    return posture.hips


def wrists_over_shoulders(posture: Posture) -> float:
    """Height of the wrists above the shoulders: about -1.2 with hanging arms, +1 overhead."""
    return posture.wrists - posture.shoulders


def wrists_over_hips(posture: Posture) -> float:
    """Height of the wrists above the hips: rises as a bent-over lifter pulls."""
    return posture.wrists - posture.hips


def arm_height(posture: Posture) -> float:
    """Height of the arms, wrists and elbows alike, which rises as a load is pressed.

    Plates hide the hands where a press is seen from the side, and there the pose model lifts them by a third
    of their way only; elbows fare better, and both together better than either. Instead it lifts the whole
    trunk by up to half a torso length, for the whole press or a moment of it: against the shoulders the arms
    would then hardly rise, against the floor they would turn at that moment. Less a quarter of the shoulders'
    height they do neither.
    """
    return (posture.wrists + posture.elbows) / 2 - posture.shoulders / 4


def reach(posture: Posture) -> float:
    """Heights of wrists and elbows over the shoulders, summed.

    About -1.7 with hanging arms, -0.6 with the bar on the shoulders, 0 with arms stretched forward and 1.5
    overhead.
    """
    return posture.wrists + posture.elbows - 2 * posture.shoulders


def lone_reach(posture: Posture) -> float:
    """`reach` of an arm that works alone; 9, beyond any bound, where both do."""
    return reach(posture) if posture.lone > 0.5 else 9.0


def elbow_angle(posture: Posture) -> float:
    """Degrees, 180 with a straight arm."""
    return posture.elbow


def knee_angle(posture: Posture) -> float:
    """Degrees, 180 with a straight leg."""
    return posture.knee


def elbows_over_shoulders(posture: Posture) -> float:
    """Height of the elbows above the shoulders: about -0.6 with hanging arms, and through a curl."""
    return posture.elbows - posture.shoulders


def wrists_over_elbows(posture: Posture) -> float:
    """Level of the wrists over the elbows: the forearms hang below 0 and stand above."""
    return posture.wrists - posture.elbows


def wrists_apart(posture: Posture) -> float:
    """How much higher one hand is than the other; 0 if that was not seen."""
    if (sight := posture.sight) is None:
        return 0.0
    return abs(sight.wrists[0] - sight.wrists[1]) / sight.ruler


def hands_overhead(posture: Posture) -> float:
    """Height of the wrists above the shoulders, 0 if they are below."""
    return max(posture.wrists - posture.shoulders, 0.0)


def forearms_hang(posture: Posture) -> float:
    """How much farther the hands hang below the elbows than these below the shoulders, torso lengths.

    -0.15 to 0.45 at a row's turn, where forearms hang from raised elbows; -0.3 and less in curls and
    deadlifts.
    """
    return 2 * posture.elbows - posture.shoulders - posture.wrists


def trunk_shown(posture: Posture) -> float:
    """Height of the shoulders over the hips in the picture: 1 upright, less the more the trunk is bent."""
    return posture.shoulders - posture.hips


def facing(posture: Posture) -> float:
    """Below 0 where the back is turned to the camera."""
    return posture.facing


def trunk_lean(posture: Posture) -> float:
    """Degrees from the vertical."""
    return posture.lean


def hips_less_bow(posture: Posture) -> float:
    """Falls if the hips sink by more than half of what the shoulders do: a squat, and not a bow."""
    return posture.hips - 0.5 * posture.shoulders


def wrists_less_third(posture: Posture) -> float:
    """Falls if the hands sink by more than a third of what the shoulders do, as with a bar on the back.

    Seen from the side, behind plates, the pose model lets them sink by .4 of it at least.
    """
    return posture.wrists - posture.shoulders / 3


def leg_length(posture: Posture) -> float:
    """Falls as the legs fold, whatever the camera does.

    In torso lengths, from two readings that fail in different recordings: the hips' height over the ankles in
    the picture, and the knee's angle in the world coordinates, where 60 degrees count as much as one length.
    """
    return posture.hips - posture.ankles + posture.knee / 60.0


def hips_over_ankles(posture: Posture) -> float:
    """Falls as the body sinks and not as the camera sways.

    By 0.1 to 0.5 as a lifter ducks under the bar in its rack; by 0.6 and more in most squats, by 0.26 in the
    least real quarter squat.
    """
    return posture.hips - posture.ankles


def wrists_over_ankles(posture: Posture) -> float:
    """Height of the wrists above the ankles: 0.2 to 0.55 where a bar is lifted from the floor."""
    return posture.wrists - posture.ankles


def lean_with_hanging_arms(posture: Posture) -> float:
    """The trunk's lean in degrees, but 0 where the wrists are not far below the shoulders.

    Straight arms of a deadlift seen from behind are read as half a torso length, as they hang from a trunk
    that leans away. Less what the knees are folded beyond a right angle: there a deadlift's stay open (120
    degrees, 100 and more of a real one), and who squats with dumbbells sits between them.
    """
    folded = max(0.0, 90.0 - posture.knee)
    return posture.lean - folded if wrists_over_shoulders(posture) < -0.5 else 0.0


def bow_over_legs(posture: Posture) -> float:
    """The trunk's lean and the angle of the knees, degrees.

    130 to 151 in half squats with dumbbells, 150 to 171 in deadlifts whose trunk is seen to lean as little.
    """
    return posture.lean + posture.knee


def hands_between_feet(posture: Posture) -> float:
    """By how many torso lengths hands that hang to the shanks are closer together than feet; 0 if none do."""
    hang = wrists_over_shoulders(posture) < -0.5 and wrists_over_ankles(posture) < 0.8
    return posture.hands_within if hang else 0.0


def hands_above(posture: Posture) -> float:
    """How far above the picture a hand is, where nobody can see it."""
    return posture.hands_above


def arms_seen(posture: Posture) -> float:
    """Visibility of the better arm."""
    return posture.arms


def legs_seen(posture: Posture) -> float:
    """Visibility of the better leg."""
    return posture.legs


def aside(posture: Posture) -> float:
    """Where across the picture the lifter stands."""
    return posture.aside


def feet_aside(posture: Posture) -> float:
    """Where across the picture the feet stand."""
    return posture.feet


def legs_apart(posture: Posture) -> float:
    """How far one leg is ahead of the other: feet show it best from the side and ahead, knees from behind."""
    return posture.stride / 2 + posture.knees_apart


STAYED = Gate("walked", aside, "drift", low=-1.0, high=1.0, softness=0.3)
"""The repetition ends where it began; who walks covers about two torso lengths a second."""
STOOD_STILL = replace(STAYED, low=-0.6, high=0.6, softness=0.1)
"""Who presses takes no step (0.16 in real ones at most); the rest is left to a camera that sways."""

# Legs out of the picture are guessed by the pose model, often straight: then hips that sink as no bow and no
# deadlift takes them do instead.
LEGS_GUESSED = Gate("legs_seen", legs_seen, "turn", high=0.35)
HIDDEN_LEGS = (
    LEGS_GUESSED,
    Gate("hips_sink", hip_height, "change", high=-0.6),
)
# Who squats with dumbbells leans a little more at times (deadlifts by 60 degrees and more, seen from behind
# by 37 and more), but sinks by 0.9 and more (deadlifts by 0.7 at most), or has not come down to where a bar
# lies, under a trunk that is seen longer (0.6 and more; deadlifts' 0.57 at most).
TRUNK_SHOWS = Gate("trunk_bent", trunk_shown, "turn", low=0.6)
SUNK = Gate("not_deep", hips_over_ankles, "change", high=-0.8)
# From behind a camera that looks down shows bent trunks longer and a deadlift's hands higher (0.56 to 0.87
# over the ankles): there hands have to be higher still, or a trunk that leans over legs that are folded.
SHOWN_FROM_BEHIND = (
    replace(SUNK, instead=(
        Gate("hands_low_behind", wrists_over_ankles, "turn", low=0.9, instead=(
            Gate("legs_open", bow_over_legs, "turn", high=150.0, softness=10.0),
        )),
    )),
)  # fmt: skip
SQUATTED = (
    Gate("bowed", trunk_lean, "turn", high=55.0, softness=10.0),
    replace(SUNK, instead=(
        Gate("hands_down", wrists_over_ankles, "turn", low=0.45),
        TRUNK_SHOWS,
    )),
    Gate("back_turned", facing, "turn", low=-0.2, instead=SHOWN_FROM_BEHIND),
)  # fmt: skip
# No bow folds the knees beyond a right angle, and deadlifts to 100 degrees, as far as legs are seen.
FOLDED = (
    Gate("knees_open", knee_angle, "turn", high=90.0, softness=10.0),
    Gate("legs_not_seen", legs_seen, "turn", low=0.35),
)
# Squats take the hands down to the ankles with dumbbells only, beside folded legs and under a trunk that
# shows. Of a deadlift on its way the pose model lowers the hips for a moment, mostly over legs that it leaves
# straight; where it folds them, the trunk was still bent at the end.
UPRIGHT_AGAIN = replace(TRUNK_SHOWS, name="ended_bent", moment="end")
FOLDED_OR_GUESSED = (replace(LEGS_GUESSED, instead=(TRUNK_SHOWS, *FOLDED, UPRIGHT_AGAIN)),)
# Who ducks under a bar in its rack holds on to it: hands at the shoulders' height stay where they are. A bar
# that is carried comes along; hands that hang, and are stretched out on the way down, may stay as well. Seen
# from the side the hands are hidden behind plates, and there the step under the bar shows.
UNHELD = (
    Gate("sinks", hip_height, "change", high=-0.6, instead=(
        Gate("arms_hung", wrists_over_shoulders, "start", high=-0.5),
    )),
)  # fmt: skip
# Feet and knees of 727 squats, real and drawn, are apart by 0.49 at most, some by the feet and some by the
# knees; by 0.6 to 1.9 in three quarters of drawn lunges, split squats, and of those who kneel down.
SQUAT = Motion(
    signal=trunk_height,
    height=body_height,
    followed="hips",
    trusted=0.3,  # skin and clothes slide over hips that fold, and not over a bar
    least_range=0.3,
    gates=(
        STAYED,
        Gate("legs_stay_straight", leg_length, "change", high=-0.25, instead=HIDDEN_LEGS),
        Gate("hips_stay_over_ankles", hips_over_ankles, "change", high=-0.2, instead=HIDDEN_LEGS),
        Gate("hips_stay_high", hips_less_bow, "change", high=0.0, instead=FOLDED),
        Gate("shoulders_stay_up", shoulder_height, "change", high=-0.2),
        Gate("load_hangs", lean_with_hanging_arms, "turn", high=41.0, softness=10.0, instead=SQUATTED),
        Gate("pressed", hands_overhead, "change", high=0.35),
        Gate("hands_stay", wrists_less_third, "over", high=0.0, instead=UNHELD),
        Gate("stepped", feet_aside, "drift", low=-0.4, high=0.4, instead=UNHELD),
        Gate("hands_at_feet", wrists_over_ankles, "turn", low=0.05, instead=FOLDED_OR_GUESSED),
        Gate("between_feet", hands_between_feet, "turn", high=0.3),
        Gate("lunged", legs_apart, "turn", high=0.6, instead=(LEGS_GUESSED,)),
    ),
)

# Arms that are not locked out are bent to 80 degrees at seven tenths of the way, and higher than in any curl
# and than hands at the head.
HIGH = (Gate("not_high", reach, "turn", low=1.0),)

# Seen from the side the pose model raises hidden hands no more than 0.1 over the shoulders, and lets them
# dip to 0.6 below as the press begins: the trunk that it lifts in their place tells what it is. Of 649 drawn
# presses those below a reach of 0.5 have theirs lifted by 0.18 to 0.4, by 0.05 where the hands leave the
# picture; real ones reach 1.2 at least. Hands that stay on a bar which the lifter ducks under or steps back
# with reach 0.4, and the trunk sinks.
LIFTED = (
    Gate("not_nearly", reach, "turn", low=0.1, softness=0.2),
    Gate("trunk_stays", shoulder_height, "over", low=0.03),
)
# Elbows begin below the shoulders or level with them, or under the hands (who starts half way up); whoever
# stretches the arms from behind the head has them up all the while, and the hands no higher (by 0.06 at most,
# in presses by 0.4 to 0.5).
FOREARMS_UP = (Gate("forearms_fold", wrists_over_elbows, "start", low=0.25),)
# Who bows with the bar on the back, seen from the side, has hidden hands anywhere, and where the arms begin
# or end a trunk at 62 degrees and more (presses begin and end at 25 at most, real ones included).
# One hand alone also scratches a head, with a reach of 1.3 and more in 7 of 128.
PRESS = Motion(
    signal=arm_height,
    followed="load",
    least_range=0.3,
    gates=(
        STOOD_STILL,
        Gate("arms_stay_put", reach, "rise", low=0.15),
        Gate("not_overhead", reach, "turn", low=0.4, softness=0.2, instead=LIFTED),
        Gate("one_hand_low", lone_reach, "turn", low=1.3, softness=0.2),
        Gate("arms_bent", elbow_angle, "turn", low=105.0, softness=10.0, instead=HIGH),
        Gate("not_from_shoulders", wrists_over_shoulders, "start", low=-0.65, high=0.8),
        Gate("not_to_shoulders", wrists_over_shoulders, "end", low=-0.65, high=0.8),
        Gate("elbows_up", elbows_over_shoulders, "start", high=0.12, instead=FOREARMS_UP),
        Gate("bent_over", trunk_lean, "turn", high=45.0, softness=10.0),
        Gate("began_bent", trunk_lean, "start", high=45.0, softness=10.0),
        Gate("ended_bent", trunk_lean, "end", high=45.0, softness=10.0),
        Gate("shoulders_sink", shoulder_height, "change", low=-0.3),
        Gate(
            "arms_not_seen",
            arms_seen,
            "turn",
            low=0.4,
            instead=(Gate("hands_in_picture", hands_above, "turn", low=0.05),),
        ),
    ),
)

# From exactly behind the trunk's lean is hardly seen: 4 to 40 degrees are read where 56 were drawn. There the
# arms tell a row as well, and the hands are hidden, though the model places them well (visibility 0.2).
# Raises of the arms and upright rows are told from it by straight arms (a row's elbows are bent to 90 to 130
# degrees there), by hands at the shoulders' height (a row's stay 0.66 below), and by elbows that come up to
# the shoulders of a trunk that is not clearly bent.
BENT = (Gate("trunk_not_short", trunk_shown, "turn", high=0.9),)
PULLED = (
    Gate("elbows_raised", elbows_over_shoulders, "turn", high=0.0, instead=BENT),
    Gate("hands_raised", wrists_over_shoulders, "turn", high=-0.35),
    Gate("pulled_straight", elbow_angle, "turn", high=150.0, softness=10.0),
    Gate("not_pulled", forearms_hang, "turn", low=-0.15),
    Gate("not_from_behind", facing, "turn", high=-0.6),
    Gate("one_armed", wrists_apart, "turn", high=0.8),
)

# Nobody turns around bent over: of a trunk as low as that, seen from behind, the pose model takes the left
# side for the right one in some poses.
BENT_LOW = (Gate("trunk_up", trunk_lean, "turn", low=40.0, softness=10.0),)
# Who sits in a squat does so from start to end: legs that fold in between, under hips that stay, are the pose
# model's mistake.
STOOD = (
    Gate("began_folded", leg_length, "start", low=2.5),
    Gate("ended_folded", leg_length, "end", low=2.5),
)
STOOD_OR_GUESSED = (replace(LEGS_GUESSED, instead=STOOD),)
ROW = Motion(
    signal=wrists_over_hips,
    height=wrist_height,
    followed="load",
    least_range=0.35,
    gates=(
        STAYED,
        Gate("upright", trunk_lean, "start", low=28.0, softness=10.0, instead=PULLED),
        Gate("stood_up", trunk_lean, "turn", low=10.0, softness=10.0, instead=PULLED),
        Gate("stayed_up", trunk_lean, "end", low=28.0, softness=10.0, instead=PULLED),
        Gate("hips_move", hip_height, "change", low=-0.35, high=0.35),
        Gate("legs_folded", leg_length, "turn", low=2.5, instead=STOOD_OR_GUESSED),
        Gate("shoulders_rise", shoulder_height, "peak", high=0.7, softness=0.2),
        Gate("ended_elsewhere", shoulder_height, "drift", low=-0.35, high=0.35),
        Gate("turned_around", facing, "drift", low=-0.35, high=0.35, instead=BENT_LOW),
        Gate("arms_stay_straight", wrists_over_shoulders, "change", low=0.1),
        Gate("elbows_stay_down", elbows_over_shoulders, "change", low=0.03),
        Gate("arms_not_hanging", wrists_over_shoulders, "start", high=-0.7),
        Gate("wrists_over_shoulders", wrists_over_shoulders, "turn", high=0.0),
        Gate("arms_not_seen", arms_seen, "turn", low=0.15),
    ),
)
