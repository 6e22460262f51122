"""Who is followed: every parameter with its unit and its reason."""

from __future__ import annotations

from pydantic import Field

from streamaqa.settings import Settings


class FollowSettings(Settings):
    """When the person tracked is doubted, and who may be the lifter. Lengths are trunks of half a metre."""

    jump: float = Field(0.2, gt=0)
    """Trunks that shoulders and hips may lie off from where their motion led: the model's own slips are
    less."""
    jump_speed: float = Field(1.5, gt=0)
    """... and trunks a second more than that: a fast squat changes its speed by as much in a fifteenth."""
    jump_most: float = Field(1.2, gt=0)
    """... but never more than this, however long nobody was seen."""
    grow: float = Field(0.2, gt=0)
    """How far the logarithm of the scale may be off: a passer-by one metre nearer than four is 0.29 larger,
    and the model's own slips stay below 0.15 in 99 frames of a hundred."""
    unlike: float = Field(3.0, gt=0)
    """How far the colours may be off, in units of how much they vary: 2 to 3 at most in 99 frames of a
    hundred, more in half of those that are somebody else's."""
    lost: float = Field(2.0, ge=1)
    """Times as far off as is allowed at which it is somebody else even if nobody else is in sight."""
    near: float = Field(0.8, gt=0)
    """Trunks that somebody may be from the lifter's place who is found there by a second look."""
    same: float = Field(1.0, gt=0)
    """Largest mismatch (1 is what is allowed) at which the tracker is brought back to somebody."""
    sure: float = Field(0.75, gt=0)
    """... and as the tracker must see them then: it smooths over time, as a second look does not."""
    certain: float = Field(0.5, gt=0)
    """... or at any time, however the lifter has moved since."""
    patience_s: float = Field(0.7, ge=0)
    """Seconds in the lifter's place after which somebody who looks odd is the lifter: who walks past is there
    for less."""
    leave: float = Field(0.7, gt=0)
    """Trunks sideways from home at which somebody is walking: no repetition carries a lifter that far."""
    benefit: float = Field(0.3, ge=0)
    """How much less than a walker somebody may look like the lifter who stands in the lifter's place."""
    settle_s: float = Field(1.0, gt=0)
    """Seconds in one place that make it home: who strolls past covers a trunk and a half in them."""
    look_s: float = Field(0.2, ge=0)
    """Seconds between two second looks, each of which costs a few frames' time."""
    look_most_s: float = Field(3.2, ge=0)
    """... which double up to this while nobody else is found: then it is the lifter who looks odd."""
    wary_s: float = Field(2.0, ge=0)
    """Seconds for which somebody who was seen near the lifter counts as being about: they walk past in
    these."""
    beside: float = Field(2.0, gt=0)
    """Trunks aside within which somebody else is near: an arm's length between two who stand."""
    nearly: float = Field(0.6, gt=0, le=1)
    """Share of the lifter's scale from which on somebody else counts: two metres behind is 0.67."""
    wait_s: float = Field(2.0, ge=0)
    """Seconds for which a lifter who is hidden is waited for: longer than somebody takes to walk past, and
    short against the walk of the next lifter to the bar."""


class ChoosingSettings(Settings):
    """When somebody else is taken for the lifter. Stir is the share of a person's box that changes."""

    over_s: float = Field(2.0, gt=0)
    """Seconds over which stir is averaged: about one repetition."""
    least: float = Field(0.018, gt=0)
    """Stir of somebody who lifts: 0.02 to 0.14 of drawn lifters, 0.007 to 0.015 of who stands."""
    more: float = Field(2.5, gt=1)
    """Times as much as the one followed: who stands makes a third of a press, and a tenth of a squat."""
    nearly: float = Field(0.6, gt=0, le=1)
    """Share of their scale that the other must have: people in the background train for themselves. A second
    look may find somebody a quarter too small."""
    again_s: float = Field(1.0, gt=0)
    """Seconds after which the other must be in the same place still: who walks past is two trunks on."""
    place: float = Field(0.5, gt=0)
    """Trunks aside that count as the same place."""
    proven_s: float = Field(1.0, gt=0)
    """Seconds of stirring as a lifter does that settle it for good, whatever others do beside."""
    hands_below: float = Field(0.35, gt=0, le=0.6)
    """Trunks below the shoulders above which both hands of somebody about to lift are. Hanging arms: 0.8
    to 1, folded ones 0.5, at the bar of a squat or a press 0.1 and less."""
    lean: float = Field(35.0, gt=0, lt=90)
    """Degrees of trunk lean from which on somebody is bent over a bar. Who stands is read at 0 to 20."""
    glance_s: float = Field(0.3, gt=0)
    """Seconds before the first look for somebody about to lift; the wait doubles after each."""
    glance_most_s: float = Field(4.0, gt=0)
    """... and is this at most, for lifters who come later. A look costs two poses."""
    busy: float = Field(3.0, gt=0)
    """Times `least` from which on who is followed does not stand about, however others stand: squats with
    hanging arms are above it, who stands beside a bar that moves is not."""
    still: float = Field(0.3, gt=0)
    """Trunks aside that somebody about to lift may be off a look later: who strolls is farther on."""
    grown: float = Field(0.3, gt=0)
    """Logarithm of the scale that is walking towards the camera or away: a step in four metres is 0.2."""
