"""Where the lifter is in each clip, from its pose track, so that a crop cuts off no joint."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from finetune.augment.recipes import Person
from finetune.clips import Clip
from finetune.poses import PoseTracks
from streamaqa.errors import SourceError, WindowError
from streamaqa.windows import person_box


def people_in(
    clips: Iterable[Clip],
    tracks: PoseTracks,
    *,
    find: bool = False,
    done: Callable[[], None] = lambda: None,
) -> dict[str, Person]:
    """By clip where the lifter is over the whole clip; clips of which that is not known are left out.

    Args:
        clips: videos; still images are passed over, since they have no track.
        tracks: the tracks there are.
        find: make the missing ones with the pose model. A clip without one is left out otherwise.
        done: is called after each clip.
    """
    found: dict[str, Person] = {}
    for clip in clips:
        if clip.kind == "video" and (find or tracks.path(clip).exists()):
            try:
                poses = tracks.poses(clip)
                size = poses[0].size
                left, top, right, bottom = person_box(poses, size)
            except (SourceError, WindowError):  # no track of this video, or nobody in it: nothing is cropped
                pass
            else:
                box = left / size[0], top / size[1], right / size[0], bottom / size[1]
                found[clip.id] = Person(box, size)
        done()
    return found
