"""Views of head and shoulders, and poses of the face alone, from clips of whole drawn dancers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from humangen.data.animation import AnimationData, check_framing, make_example
from humangen.data.clips import PairSampler, WholeClipSampler
from humangen.data.dancers import render_clip
from humangen.data.framing import FaceFraming, View
from humangen.data.schema import ClipInfo, ClipRecord, encode_clip
from humangen.media import encode_video
from humangen.pose.keypoints import FACE, VISIBLE
from humangen.types import InputError, LatentsInfo
from tests.unit.tiny import write_split

HEIGHT, WIDTH, SIDE = 192, 144, 64
SAMPLER, FRAMING = PairSampler(num_targets=2, margin_seconds=0.1), FaceFraming(height=SIDE, width=SIDE)


def dancer(seed: int, *, faceless: bool = False) -> ClipRecord:
    clip = render_clip(seed, seed, 6, 8.0, HEIGHT, WIDTH)
    keypoints = clip.keypoints.copy()
    keypoints[:, FACE, 2] *= not faceless
    info = ClipInfo("test", f"person-{seed}", "train", 8.0, 6, HEIGHT, WIDTH, (0.2, 0.1, 0.8, 0.95))
    return ClipRecord(f"d{seed}", encode_video(clip.frames, 8.0), keypoints, info)


def view_of(record: ClipRecord, framing: FaceFraming = FRAMING, seed: int = 0) -> View:
    box = framing.focus(record.info.box, record.keypoints)
    return framing(HEIGHT, WIDTH, np.random.default_rng(seed), box)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("height", "width"), [(64, 64), (96, 64)])
def test_the_face_fills_the_view_and_is_whole(seed: int, height: int, width: int) -> None:
    record = dancer(seed)
    view = view_of(record, FaceFraming(height=height, width=width, flip=0.5), seed)
    assert view.box_height / view.box_width == pytest.approx(height / width, rel=0.04)
    assert 0 <= view.top <= HEIGHT - view.box_height
    assert 0 <= view.left <= WIDTH - view.box_width
    seen = record.keypoints[:, FACE, 2] >= VISIBLE
    face = view.keypoints(record.keypoints, HEIGHT, WIDTH)[:, FACE]
    assert (np.sort(face[..., 2] >= VISIBLE, 1) == np.sort(seen, 1)).all(), "points are cut off"
    places = face[face[..., 2] >= VISIBLE]
    size, before = np.ptp(places[:, :2], axis=0), np.ptp(record.keypoints[:, FACE][seen][:, :2], axis=0)
    assert 0.37 < size.max() < 0.45, "of the side that is the tighter one"
    assert (size > 1.6 * before).all()
    assert ((places[:, :2] > 0.2) & (places[:, :2] < 0.8)).all()


def test_poses_show_the_face_alone_and_pictures_are_of_the_same_view() -> None:
    record = dancer(3)
    make = partial(make_example, sampler=SAMPLER, framing=FRAMING)
    face, whole = make(encode_clip(record), 0, parts=["face"]), make(encode_clip(record), 0)
    assert face.frames.shape == face.poses.shape == (3, SIDE, SIDE, 3)
    np.testing.assert_array_equal(face.frames, whole.frames)
    colours = face.poses.float()
    assert (colours.std(-1) == 0).all(), "white dots on black"
    assert (face.poses.amax((1, 2, 3)) == 255).all()
    assert (whole.poses.float().std(-1) > 0).any()


def test_a_face_at_the_border_is_seen_from_the_border() -> None:
    record = dancer(3)
    keypoints = record.keypoints.copy()
    keypoints[..., 1] -= keypoints[:, FACE, 1].min()
    box = FRAMING.focus(None, keypoints)
    assert box[1] < 0
    view = FRAMING(HEIGHT, WIDTH, np.random.default_rng(0), box)
    assert view.top == 0
    assert view.box_height == pytest.approx((box[3] - box[1]) * HEIGHT, rel=0.15)


def test_a_face_larger_than_the_picture_gets_all_of_it() -> None:
    keypoints = dancer(3).keypoints.copy()
    keypoints[..., :2] = 0.5 + 8 * (keypoints[..., :2] - keypoints[:, FACE, :2].mean((0, 1)))
    view = FRAMING(HEIGHT, WIDTH, np.random.default_rng(0), FRAMING.focus(None, keypoints))
    assert (view.box_height, view.box_width, view.left) == (WIDTH, WIDTH, 0)


def test_clips_without_a_face_are_passed_over(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="sample d4: none of the frames chosen shows a face"):
        make_example(encode_clip(dancer(4, faceless=True)), 0, sampler=SAMPLER, framing=FRAMING)
    write_split(tmp_path, "train", [dancer(4, faceless=True), dancer(5)], per_shard=2)
    data = AnimationData(shards=str(tmp_path), batch_size=2, eval_batch_size=2, seed=0, train_sampler=SAMPLER,
                         eval_sampler=WholeClipSampler(num_frames=4, fps=8), train_framing=FRAMING,
                         eval_framing=FRAMING, parts=["face"])  # fmt: skip
    batch = next(data.batches(data.train_dataloader()))
    assert len(batch.drawn.skipped) == 1
    assert batch.target_pose.std(2).max() == 0
    assert batch.target_pose.amax() == 1


def test_frames_that_hardly_show_the_face_do_not_count() -> None:
    record = dancer(3)
    keypoints = record.keypoints.copy()
    keypoints[0, FACE.start + 20 :, 2] = 0
    keypoints[0, FACE, :2] = 0.9
    assert FRAMING.focus(None, keypoints) == FRAMING.focus(None, record.keypoints[1:])


def test_latents_of_whole_pictures_are_refused() -> None:
    with pytest.raises(InputError, match="views of the face"):
        check_framing(LatentsInfo("0", SIDE, SIDE, 4), FRAMING, "shards")
