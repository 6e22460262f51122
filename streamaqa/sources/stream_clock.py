"""Stream time of a live source: out of PTS that may be broken and the arrival of each frame.

The PTS say how far apart two frames were taken, to the tick; the arrivals say only how far apart they came,
but never lie. So PTS are followed as long as they agree with the arrivals, and put right by these where not.

A frame cannot arrive before it was taken. The least delay seen so far therefore bounds from above what a PTS
may say; a network that holds frames back bounds nothing from below until it is seconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from fractions import Fraction

MIN_STEP_S = 0.002
"""What stream time rises by at least with each frame: no camera takes five hundred a second, and a recording,
whose times are whole milliseconds, still tells two frames apart."""
AHEAD_S = 1.0
"""A PTS further ahead of the wall clock than this is wrong. Arrivals jitter by less once the first is in."""
LEAD_S = 30.0
"""Stream time further ahead of the wall clock than this comes of PTS that run too fast: what a camera sends
at once when it is opened, the last seconds, is less."""
BEHIND_S = 5.0
"""A PTS further behind the wall clock than this is wrong. TCP gives back what Wi-Fi held for some seconds."""
BACK_S = 0.5
"""A PTS that goes back by more belongs to a new line (an encoder that began again), by less to frames that
changed places: no encoder's reordering is longer."""
STUCK_S = 0.5
"""PTS that stood still or went back for this long are no accident."""
DISTRUST_JUMPS, DISTRUST_S = 3, 30.0
"""So many jumps in so many seconds, and the arrivals alone count until the next connection."""
RELAX = 0.0003
"""Seconds a second by which the least delay may grow: three times the drift of a cheap crystal (100 ppm). A
queue that grows as slowly goes unseen: half a second in half an hour."""
WRAPS = (1 << 32, 1 << 33)
"""Ticks after which PTS begin again: RTP time stamps (RFC 3550), MPEG-TS (ISO/IEC 13818-1)."""
WRAP_NEAR_S = 60.0
"""Two frames on the two sides of a wrap are less than this apart."""
PERIODS = {"mpegts": 1 << 33, "hls": 1 << 33, "rtsp": 1 << 32, "rtp": 1 << 32, "sdp": 1 << 32}
"""Ticks after which PTS begin again, by FFmpeg's name of the format. FFmpeg undoes the first wrap of an
MPEG-TS and every wrap of RTP by itself, and the stream is simply continuous: only the line of PTS tells."""


@dataclass(slots=True)
class ClockCounts:
    """What had to be put right; only ever rises."""

    missing: int = 0
    repeated: int = 0
    backward: int = 0
    wraps: int = 0
    """Times the PTS began again at zero, whoever undid it: FFmpeg or this clock."""
    broken: int = 0
    """PTS that no clock can have given, taken from the arrival instead."""
    jumps: int = 0
    """Times the PTS went on from somewhere else."""

    @property
    def repairs(self) -> int:
        """All but wraps, which every healthy stream has."""
        return self.missing + self.repeated + self.backward + self.broken + self.jumps


class StreamClock:
    """Stamps the frames of one camera with strictly rising stream seconds. Does no I/O and asks no clock.

    Args:
        start: the machine's monotonic clock at stream time 0.
    """

    def __init__(self, start: float) -> None:
        self._start = start
        self.counts = ClockCounts()
        self.late = 0.0
        """Seconds by which the last frame came later than the least delayed one."""
        self._last = -MIN_STEP_S
        self._last_arrival = start
        self.reconnected()

    def reconnected(self, period: int | None = None) -> None:
        """The next frame comes from a new connection: its PTS tell nothing of the time since the last one.

        Args:
            period: ticks after which PTS of its format begin again, `PERIODS`. A wrap that FFmpeg undoes is
                counted when the line of the PTS crosses a multiple of this: for MPEG-TS at the wrap itself,
                for RTP, of which FFmpeg hides the first time stamp, once a period since the connection.
        """
        self._period = period
        self._turns: int | None = None
        """Whole periods below the last PTS that was believed, the most so far."""
        self._fresh = True
        self._believed = True
        self._base = self._start
        """When a frame of stream time 0 would have arrived, with the least delay seen."""
        self._shift: float | None = None
        """Stream time less PTS, seconds."""
        self._other: float | None = None
        """The same for a new line of PTS that has been seen once."""
        self._ticks = 0
        """The last PTS that was believed, wraps undone."""
        self._wrapped = 0
        self._sound = self._last_arrival
        """Arrival of the last frame whose PTS was as it should be."""
        self._jumps: deque[float] = deque(maxlen=DISTRUST_JUMPS)

    def stamp(self, pts: int | None, time_base: Fraction | None, arrival: float) -> float:
        """Stream time of a frame.

        Args:
            pts: in ticks of `time_base`; None where there is none.
            time_base: seconds a tick.
            arrival: the machine's monotonic clock; never less than for the frame before.
        """
        due = max(arrival - self._base, self._last + MIN_STEP_S)
        if pts is None or not time_base or time_base < 0 or not self._believed:
            # An RTSP camera's first pictures have none until its first report has come.
            self.counts.missing += self._believed and self._shift is not None
            at = due
        else:
            ticks = self._unwrapped(pts, time_base)
            at = self._place(ticks, float(ticks * time_base), due, arrival)
        self._remember(at, arrival)
        return at

    def _place(self, ticks: int, seconds: float, due: float, arrival: float) -> float:
        """Where on the line of the PTS a frame belongs, or `due` if nowhere."""
        if self._shift is None:
            return self._follow(ticks, due - seconds, due, arrival)
        at = seconds + self._shift
        if self._sane(at, due, arrival):
            if at > self._last:
                return self._follow(ticks, self._shift, at, arrival)
            if ticks == self._ticks:
                self.counts.repeated += 1
            else:
                self.counts.backward += 1
            return self._last + MIN_STEP_S
        if self._other is not None and abs(seconds + self._other - due) < AHEAD_S:
            self._jumped(arrival)
            return self._follow(ticks, due - seconds, due, arrival)
        self.counts.broken += 1
        self._other = due - seconds
        return due

    def _sane(self, at: float, due: float, arrival: float) -> bool:
        if at <= self._last and arrival - self._sound > STUCK_S:
            return False
        if at - (arrival - self._start) > LEAD_S:
            return False
        return at - due <= AHEAD_S and due - at <= BEHIND_S and self._last - at <= BACK_S

    def _follow(self, ticks: int, shift: float, at: float, arrival: float) -> float:
        self._count_turns(ticks, same_line=shift == self._shift)
        self._ticks, self._shift, self._other, self._sound = ticks, shift, None, arrival
        return at

    def _count_turns(self, ticks: int, *, same_line: bool) -> None:
        """Count a wrap that shows in nothing but the line of the PTS going over a multiple of its period."""
        if self._period is None:
            return
        turns = ticks // self._period
        if self._turns is None or not same_line:
            self._turns = turns
        elif turns > self._turns:
            self.counts.wraps += turns - self._turns
            self._turns = turns

    def _jumped(self, arrival: float) -> None:
        self.counts.jumps += 1
        self._jumps.append(arrival)
        if len(self._jumps) == DISTRUST_JUMPS and arrival - self._jumps[0] < DISTRUST_S:
            self._believed = False

    def _unwrapped(self, pts: int, time_base: Fraction) -> int:
        """The PTS on a line without wraps, if it is near the last one on that line."""
        ticks = pts + self._wrapped
        if self._shift is None:
            return ticks
        near = WRAP_NEAR_S / time_base
        for period in WRAPS:
            for turn in (period, -period):
                if abs(ticks + turn - self._ticks) < near < abs(ticks - self._ticks):
                    self._wrapped += turn
                    # of the connection's own period `_count_turns` sees it, whatever order frames come in
                    self.counts.wraps += turn > 0 and period != self._period
                    return ticks + turn
        return ticks

    def _remember(self, at: float, arrival: float) -> None:
        delay = arrival - at
        if self._fresh:
            self._base, self._fresh = delay, False
        else:
            self._base = min(self._base + RELAX * (arrival - self._last_arrival), delay)
        self.late = delay - self._base
        self._last, self._last_arrival = at, arrival
