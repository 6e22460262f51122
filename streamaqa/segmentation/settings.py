"""The parameters of the segmenter, with unit and reason. What an exercise looks like is in `motion`."""

from __future__ import annotations

from pydantic import Field, model_validator

from streamaqa.settings import Settings


class SignalSettings(Settings):
    """How poses become signals."""

    steady_s: float = Field(2.0, gt=0)
    """Seconds over which the better seen side is averaged: longer than a phase, shorter than a walk."""
    lone_speed: float = Field(0.3, gt=0)
    """Torso lengths a second, in the mean, from which a hand is said to work."""
    lone: float = Field(0.3, gt=0, lt=0.5)
    """Share of that hand's speed below which the other rests: in rows with both 0.6 to 1 in most."""
    lone_ends: float = Field(0.5, gt=0, lt=1)
    """... and from which on it works as well, and neither is alone."""
    lone_s: float = Field(0.5, gt=0)
    """Seconds over which these speeds are averaged: shorter than a phase, longer than a turn."""
    ruler_s: float = Field(8.0, gt=0)
    """Seconds over which the picture's scale is averaged: a phase bends the model's idea of it by 3 to 5 %,
    and a ruler that follows within the phase moves slow turns by 0.1 s and makes nothing else better."""
    walk: float = Field(0.25, gt=0)
    """Natural logarithm of how much larger or smaller the lifter has become for it to be taken for a walk."""
    walk_s: float = Field(0.5, gt=0)
    """Seconds over which that is averaged."""
    jump: float = Field(0.7, gt=0)
    """Torso lengths the shoulders may move between two poses before it is taken for somebody else."""
    jump_speed: float = Field(5.0, gt=0)
    """... and torso lengths a second more than that after a gap: a fast squat peaks at about 4."""
    jump_most: float = Field(1.6, gt=0)
    """... but never more than this, however long the gap: the deepest squat moves the shoulders by 1.5."""
    jump_s: float = Field(0.3, ge=0)
    """Seconds for which a jump is taken for a mistake of the pose model; after that the lifter is new."""


class PhaseSettings(Settings):
    """How a signal becomes phases. Lengths are torso lengths, shares are of the range of the repetition."""

    cutoff_hz: float = Field(2.0, gt=0)
    """One-Euro: cut-off at rest. Landmarks of a lifter who stands still shake at 3 Hz and above."""
    beta: float = Field(2.0, ge=0)
    """One-Euro: how much the cut-off rises per torso length a second; 4 Hz at a squat's usual speed."""
    speed_cutoff_hz: float = Field(3.0, gt=0)
    """One-Euro: cut-off of the derivative."""
    glitch: float = Field(0.35, gt=0)
    """A signal that leaps by more than this between two poses is taken for a mistake of the pose model."""
    glitch_speed: float = Field(5.0, gt=0)
    """... and by more than this a second: the arms of a press of 0.8 s peak at that."""
    glitch_s: float = Field(0.1, ge=0)
    """... unless it lasts for so many seconds: arms seen from behind leap for one to three frames."""
    smooth_s: float = Field(0.07, gt=0)
    """Least spread of the smoother that boundaries are read from: two frames at 30 a second."""
    smooth_share: float = Field(0.025, ge=0, lt=0.1)
    """... and its spread as a share of the repetition's duration, if that is more: slow ones are noisier."""
    trail: float = Field(0.005, ge=0, lt=0.05)
    """Torso lengths that landmarks are taken to trail behind a movement. MediaPipe's own One-Euro filter
    (beta 80, speeds in sizes of the body's box, some 4.8 torso lengths) lets them trail by 4.8 / (2 pi 80) =
    0.0095 at any speed. Half of that: landmarks that trail by nothing have to stay within two frames too."""
    curve: float = Field(0.5, ge=0, le=1)
    """How much a minimum-jerk curve that fits counts against the crossings of the smoothed signal."""
    curve_rms: float = Field(0.03, gt=0)
    """What the curve leaves, RMS as a share of the range, where it counts for half as much."""
    followed_share: float = Field(0.012, ge=0, lt=0.1)
    """`smooth_share` where the load is followed in the picture, which is less noisy."""
    followed_curve: float = Field(0.5, ge=0, le=1)
    """`curve` there. At 0.7 presses seen from behind end 0.1 s early: a bar that comes towards the camera
    on its way back does not move by minimum jerk in the picture."""
    moving: float = Field(0.2, gt=0, lt=1)
    """Share of its fastest return at which a load followed in the picture is still on its way: of a smooth
    movement 1.7 % are left then."""
    late_s: float = Field(2.5, ge=0)
    """Seconds for which landmarks may be at rest before the load is: hidden hands of presses are."""
    seen: float = Field(0.5, gt=0, lt=1)
    """Share of the landmarks' way out that a load has to be followed on for its way back to be missed: of
    real and drawn repetitions 0.65 to 1.6 are."""
    unseen: float = Field(0.3, gt=0, lt=1)
    """... and of the way back below which it is missed: hands that have left the picture come back 0.03."""
    onset: float = Field(0.5, gt=0, lt=1)
    """Share of the exercise's least range at which a first phase is announced."""
    hysteresis: float = Field(0.15, gt=0, lt=1)
    """Share of the range the signal has to come back before it counts as turned: a stutter is less."""
    least_hysteresis: float = Field(0.06, gt=0)
    """... and at least this many torso lengths, above the landmarks' shaking."""
    returned: float = Field(0.6, gt=0, lt=1)
    """Share of the range after which a stop or a new beginning ends the repetition: the lifter does not
    always come all the way back, and the camera may have moved."""
    home: float = Field(0.9, gt=0, le=1)
    """Share of the range after which slowing down is enough."""
    slow: float = Field(0.35, gt=0, lt=1)
    """Slow is below this share of the phase's peak speed. A minimum-jerk movement is then 96 % done."""
    settle_s: float = Field(0.1, ge=0)
    """... for this many seconds."""
    linger: float = Field(0.1, ge=0)
    """... for this share of the time since the turn, while more than `boundary` of the way home is left:
    slow ones were said up to 0.4 s before they ended."""
    boundary: float = Field(0.05, gt=0, lt=0.5)
    """Start and end are crossings of this share of the range (DESIGN.md)."""
    underway: float = Field(0.2, ge=0, lt=0.5)
    """Share of the range within which the level at the end is taken for the one at the start, to which the
    lifter is on the way still: a slow phase is said with some of the way left, and would end 0.1 s early."""
    home_s: float = Field(2.0, gt=0)
    """Seconds over which the level at rest is looked for: longer than the start of a slow phase, and short
    against a camera that moves."""
    still_s: float = Field(0.5, gt=0)
    """Seconds without movement that make a new level the one a repetition starts from."""
    dip_s: float = Field(1.5, ge=0)
    """Seconds that a dip of the legs may last from standing still until the movement is noticed."""
    stand_s: float = Field(1.0, gt=0)
    """Seconds without movement after which what would be no repetition if it turned there is given up."""
    pause_s: float = Field(0.2, gt=0)
    """Seconds without movement after which one that began where no repetition does may begin anew."""
    stop_s: float = Field(0.5, gt=0)
    """Seconds without movement that end a repetition that has not come all the way back."""
    still: float = Field(0.04, gt=0)
    """Torso lengths within which the signal is said not to move."""
    gate_s: float = Field(0.1, gt=0)
    """Seconds about a moment of which the gates take the median."""
    least_s: float = Field(0.5, gt=0)
    """Seconds of the shortest repetition."""
    hold_s: float = Field(6.0, gt=0)
    """Seconds a lifter may hold at the turn; longer is sitting or standing about."""
    most_s: float = Field(12.0, gt=0)
    """Seconds of the longest repetition: half as long again as the longest that is expected (8 s)."""
    grind_s: float = Field(2.0, gt=0)
    """Seconds that a load may rest on its way up, between where the repetition before began and turned."""
    grind_home: float = Field(0.15, gt=0, lt=0.5)
    """Share of that one's range within which this one has to have begun where that one ended."""
    gap_s: float = Field(1.5, gt=0)
    """Seconds without a pose that a repetition outlives."""


class AdviceSettings(Settings):
    """When the lifter is told about the camera's place."""

    window_s: float = Field(2.0, gt=0)
    """Seconds that are looked back on: something is said once it was so for most of them."""
    gone_s: float = Field(4.0, gt=0)
    """Seconds that are looked back on for it to be over: a head that dips into the picture with each
    repetition is still cut off."""
    absent_s: float = Field(1.0, gt=0)
    """Seconds without anybody after which nobody is in view: the pose model loses one pose now and then."""
    look_s: float = Field(0.4, gt=0)
    """Seconds between the poses that are looked at: advice needs no more, and the segmenter should stay
    cheap."""
    begins: float = Field(0.6, gt=0, le=1)
    """Share of the looks of `window_s` from which something is said."""
    ends: float = Field(0.1, ge=0, le=1)
    """Share of the looks of `gone_s` up to which it is over."""
    turned: float = Field(3.0, ge=0)
    """Degrees by which a view has to be too far from the side before somebody is told to turn, and near
    enough before they are not any more."""
    visibility: float = Field(0.5, ge=0, le=1)
    """Below this a foot counts as hidden: MediaPipe's own default for a usable landmark."""

    @model_validator(mode="after")
    def _in_order(self) -> AdviceSettings:
        if self.gone_s < self.window_s:
            raise ValueError(f"gone_s ({self.gone_s:g}) has to be window_s ({self.window_s:g}) at least")
        if self.ends >= self.begins:
            raise ValueError(f"ends ({self.ends:g}) has to be below begins ({self.begins:g})")
        return self


class SegmenterSettings(Settings):
    """All of the segmenter."""

    signal: SignalSettings = SignalSettings()
    phase: PhaseSettings = PhaseSettings()
    advice: AdviceSettings = AdviceSettings()
    overlap: float = Field(0.25, ge=0, lt=1)
    """Share of a movement that may lie within a confirmed repetition before it is taken for a part of it."""
    change_s: float = Field(1.0, ge=0)
    """Seconds between a repetition and another exercise's: sooner is the press of a thruster."""
    set_pause_s: float = Field(20.0, gt=0)
    """Seconds without a repetition that end a set (DESIGN.md)."""
