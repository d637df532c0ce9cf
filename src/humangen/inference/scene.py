"""What a video is to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from humangen.inference.focus import Focused
from humangen.inference.poses import Poses
from humangen.media import contact_sheet


@dataclass(frozen=True)
class Scene:
    """A reference, its pose drawn (H, W, 3), and the first `num_frames` of the `poses` to paint it in; `driver` are the
    same before they were brought to the reference's proportions."""

    reference: Focused
    reference_pose: np.ndarray
    poses: Poses
    driver: Poses
    num_frames: int

    def sheet(self, painted: Sequence[np.ndarray], frames: Sequence[int]) -> np.ndarray:
        """The reference beside what was `painted` of some `frames`, above the poses and, where it is another, the
        driver; all without padding, as `painted` is."""
        cut = self.reference.without_padding
        rows = [[cut(self.reference.picture), *painted], [cut(self.reference_pose), *cut(drawn(self.poses, frames))]]
        if self.poses is not self.driver:
            rows.append([cut(np.full_like(self.reference_pose, 255)), *cut(drawn(self.driver, frames))])
        return contact_sheet(rows)


def drawn(poses: Poses, frames: Sequence[int]) -> np.ndarray:
    """uint8 (f, H, W, 3)."""
    return np.concatenate([poses.draw(range(frame, frame + 1)) for frame in frames])
