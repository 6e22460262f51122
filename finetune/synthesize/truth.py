"""What is exactly so in a sample, beside the data set: an `.npz` of plain arrays for each, no pickle.

`Truth/<kind>/<id>.npz`; its writer and reader are here.
"""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from finetune.synthesize.drawing import Drawn
from streamaqa.errors import UsageError
from streamaqa.sources.synthetic.posture import Array
from streamaqa.sources.synthetic.script import Fault, SetScript
from streamaqa.sources.synthetic.timeline import envelope, fault_interval, true_times

FOLDER: Final = "Truth"
"""Beside the data set's own folders; Fitness-AQA has none of that name."""
_HALF: Final = np.float16
"""Half a thousandth of the picture, a millimetre of the body: finer than the pose model's own noise, and half
the bytes."""


@dataclass(frozen=True, slots=True)
class ClipTruth:
    """One video or image."""

    times: NDArray[np.float32]
    """(T,) seconds; of an image its moment in the repetition it is from."""
    image: NDArray[np.float16]
    """(T, 33, 3) MediaPipe's landmarks: x and y as shares of the picture, and visibility."""
    world: NDArray[np.float16]
    """(T, 33, 3) metres in the camera's axes (right, down, away) from the middle of the hips."""
    phase: NDArray[np.int8]
    """(T,) 0 in the first phase, 1 in the second, -1 outside of the repetition."""
    errors: tuple[str, ...]
    """Wire names of the faults that were drawn, E of them; of these `hidden` is not labelled."""
    degrees: NDArray[np.float32]
    """(T, E) what was added to the clean motion, as `streamaqa.sources.synthetic.Fault` counts it."""
    seen: NDArray[np.float32]
    """(T, E) how far that moves the joints in the picture, in parts of the lifter's height; 0 where hidden.
    A fiftieth and more for 0.2 s is labelled."""
    intervals: dict[str, list[list[float]]]
    """Error to the labelled intervals, seconds; empty lists for an image."""
    about: dict[str, Any]
    """`exercise`, `split`, `view` (degrees), `phases` (start, turn and end, seconds), `magnitudes` (of each
    fault, degrees), `hidden` (an error that this view cannot show, or null), `body`, `camera`, `light`,
    `screens` (how many things stand in front of the lifter), `size` (pixels)."""


def truth_of(drawn: Drawn, split: str) -> ClipTruth:
    """Everything known of a drawn sample."""
    shot, sight = drawn.shot, drawn.sight
    script = shot.script
    rep, errors = script.reps[0], tuple(sight.seen)
    start, turn, end = true_times(rep, script.before)
    phase = np.where(shot.times < turn, 0, 1)
    phase[(shot.times < start) | (shot.times > end)] = -1
    degrees = np.zeros((len(shot.times), len(errors)), np.float32)
    for fault in rep.faults:
        degrees[:, errors.index(fault.error)] += _applied(fault, script, shot.times)
    seen = [sight.seen[error] for error in errors]
    return ClipTruth(
        times=shot.times.astype(np.float32),
        image=np.concatenate([sight.image, sight.shown[..., None]], axis=-1).astype(_HALF),
        world=sight.world.astype(_HALF),
        phase=phase.astype(np.int8),
        errors=errors,
        degrees=degrees,
        seen=np.stack(seen, axis=1).astype(np.float32) if seen else np.zeros_like(degrees),
        intervals={error: [list(i) for i in sight.intervals(error, shot.times)] for error in errors},
        about=_about(drawn, split, (start, turn, end)),
    )


def write_truth(truth: ClipTruth) -> bytes:
    """The bytes of the file; the same for the same truth."""
    out = io.BytesIO()
    about = {"errors": truth.errors, "intervals": truth.intervals, "about": truth.about}
    np.savez(
        out,
        times=truth.times,
        image=truth.image,
        world=truth.world,
        phase=truth.phase,
        degrees=truth.degrees,
        seen=truth.seen,
        about=np.array(json.dumps(about)),
    )
    return out.getvalue()


def read_truth(path: Path) -> ClipTruth:
    """The truth of one sample. UsageError if the file is missing or none."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
            return ClipTruth(
                times=arrays["times"],
                image=arrays["image"],
                world=arrays["world"],
                phase=arrays["phase"],
                errors=tuple(about["errors"]),
                degrees=arrays["degrees"],
                seen=arrays["seen"],
                intervals=about["intervals"],
                about=about["about"],
            )
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise UsageError(f"{path}: no truth of a synthetic sample: {error}") from None


def _applied(fault: Fault, script: SetScript, times: Array) -> Array:
    """(T,) degrees of a fault, as the timeline applies them."""
    rep = script.reps[0]
    if fault.error == "shallow":
        length = rep.first + rep.hold + rep.second
        return np.asarray(fault.magnitude * ((times >= script.before) & (times < script.before + length)))
    interval = fault_interval(rep, fault, script.before)
    return np.asarray(fault.magnitude * envelope(times, *interval, early=fault.start <= 0.0))


def _about(drawn: Drawn, split: str, times: tuple[float, float, float]) -> dict[str, Any]:
    shot = drawn.shot
    camera = asdict(shot.scene.camera) | {"roll": shot.roll, "handheld": bool(np.any(shot.shake))}
    return {
        "exercise": shot.script.exercise,
        "split": split,
        "view": round(shot.script.view, 2),
        "phases": [round(time, 4) for time in times],
        "magnitudes": [[f.error, round(f.magnitude, 2)] for f in shot.script.reps[0].faults],
        "hidden": drawn.hidden,
        "body": _rounded(shot.scene.body.to_dict()),
        "camera": _rounded(camera),
        "light": [round(value, 4) for value in shot.scene.room.light],
        "screens": len(shot.screens),
        "size": shot.size,
    }


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in values.items()}
