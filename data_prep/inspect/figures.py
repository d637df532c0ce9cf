"""A sample as a row of small pictures."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from data_prep.shards import Members
from humangen.data.arrays import unpack_arrays
from humangen.data.schema import ClipInfo, ClipRecord, PairRecord, decode_clip, decode_pair
from humangen.media import decode_picture, encode_video, fit_box
from humangen.pose.draw import draw_pose
from humangen.pose.keypoints import BODY, VISIBLE

TALLEST, WIDEST = 460, 400  # pixels of a picture; the page shows it at half of that, sharp on any screen
MOVING, PACE = 24, 8.0  # frames of the moving picture, and how many of them a second at most
MARKED = 2  # of the doubtful frames
BOX, OUTLINE, REGION = (255, 140, 0), (0, 230, 255), (255, 0, 200)


@dataclass(frozen=True)
class Picture:
    """What a cell of the sheet shows: a JPEG or an mp4, the words below it, and what it is marked as."""

    data: bytes
    label: str = ""
    mark: str = ""

    @property
    def moves(self) -> bool:
        return not self.data.startswith(b"\xff\xd8")


@dataclass(frozen=True)
class Row:
    """One sample: what is known of it, its pictures by the name of their column, and of a clip how much of the body
    each frame shows (F,) and how many people (F,)."""

    key: str
    facts: list[str]
    cells: dict[str, list[Picture]] = field(default_factory=dict)
    seen: np.ndarray | None = None
    people: np.ndarray | None = None
    error: str = ""


def row(sample: Members, kind: str) -> Row:
    """The row of a raw sample; one that cannot be read says why."""
    try:
        return {"animation": clip_row, "tryon": pair_row}[kind](sample)
    except Exception as error:  # a page about a folder must not fail for one broken sample
        return Row(str(sample["__key__"]), [], error=str(error) or type(error).__name__)


def clip_row(sample: Members) -> Row:
    """The frame in which most of the person is seen, with its pose; the clip in motion; frames that are marked."""
    record = decode_clip({name: value for name, value in sample.items() if name != "figure.npz"})
    seen = record.keypoints[..., 2] >= VISIBLE
    people = np.ones(len(seen), int) if record.people is None else record.people
    best = int(np.where(record.usable, seen.sum(1) + 1, 0).argmax())
    moving = _spread(np.arange(len(seen)), MOVING)
    marked = _spread(np.flatnonzero(~record.usable | ~seen.any(1)), MARKED)
    pictures = _frames(record, [best, *moving, *marked])
    posed = {number: lay_over(pictures[number], record.keypoints[number]) for number in [best, *moving]}
    cells = {
        "picture": [_picture(outlined(pictures[best], record.info.box, _figure(sample, best)), f"frame {best}")],
        "pose": [_picture(draw_pose(record.keypoints[best], *posed[best].shape[:2]))],
        "laid over": [_picture(posed[best])],
        "moving": [_video([posed[number] for number in moving], record.info)],
    }
    if marked:
        cells["marked"] = [_marked(pictures[number], number, int(people[number])) for number in marked]
    return Row(record.key, _clip_facts(record), cells, seen[:, BODY].mean(1), people)


def _clip_facts(record: ClipRecord) -> list[str]:
    info = record.info
    return [
        info.identity,
        f"{info.num_frames / info.fps:.1f} s: {info.num_frames} frames, {info.fps:.4g} a second",
        f"{info.height}x{info.width} pixels",
        f"{'all' if record.usable.all() else record.usable.sum()} frames of use",
    ]


def pair_row(sample: Members) -> Row:
    """Person, garment, region, parse map and keypoints, as far as they are there."""
    record = decode_pair(sample)
    person = _fitted(decode_picture(record.person, "its person"))
    cells = {
        "person": [_picture(person)],
        "garment": [_picture(_fitted(decode_picture(record.garment, "its garment")))],
        "region": [_picture(tinted(person, record.region), f"{record.region.mean():.0%} of the picture")],
    }
    if record.parse is not None:
        cells["parse"] = [_picture(PALETTE[_resized(record.parse, person)], record.info.parser or "")]
    if record.keypoints is not None:
        cells["keypoints"] = [_picture(lay_over(person, record.keypoints))]
    return Row(record.key, _pair_facts(record), cells)


def _pair_facts(record: PairRecord) -> list[str]:
    info = record.info
    return [info.identity, f"garment {info.garment}", info.category, f"{info.height}x{info.width} pixels"]


def lay_over(picture: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
    """The pose on the picture, which is darkened for it."""
    pose = draw_pose(keypoints, *picture.shape[:2])
    cover = pose.max(-1, keepdims=True) / 255
    return (0.7 * picture * (1 - cover) + pose).clip(0, 255).astype(np.uint8)


def outlined(
    picture: np.ndarray, box: tuple[float, float, float, float] | None, figure: np.ndarray | None
) -> np.ndarray:
    """The picture with the person's box and the border of her figure."""
    height, width = picture.shape[:2]
    picture = picture.copy()
    if figure is not None:
        borders, _ = cv2.findContours(_resized(figure, picture), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, borders, -1, OUTLINE, 2, cv2.LINE_AA)
    if box is not None:
        left, top, right, bottom = (np.array(box) * np.tile([width - 1, height - 1], 2)).round().astype(int).tolist()
        cv2.rectangle(picture, (left, top), (right, bottom), BOX, 2)
    return picture


def tinted(picture: np.ndarray, region: np.ndarray) -> np.ndarray:
    """The picture with the region in colour."""
    inside = _resized(region.astype(np.uint8), picture)[..., None] > 0
    return np.where(inside, 0.5 * picture + 0.5 * np.array(REGION), picture).astype(np.uint8)


def _frames(record: ClipRecord, numbers: list[int]) -> dict[int, np.ndarray]:
    """The frames with these numbers at the size of the sheet, without the padding to even sides."""
    found = record.open().frames(numbers)[:, : record.info.height, : record.info.width]
    return {number: _fitted(frame) for number, frame in zip(numbers, found, strict=True)}


def _figure(sample: Members, number: int) -> np.ndarray | None:
    """The person's pixels in one frame: those of all frames of a long clip are too many to unpack."""
    if "figure.npz" not in sample:
        return None
    packed = unpack_arrays(sample["figure.npz"])
    return np.unpackbits(packed["figure"][number], axis=-1, count=int(packed["width"]))


def _fitted(picture: np.ndarray) -> np.ndarray:
    _, _, height, width = fit_box(picture.shape[:2], TALLEST, WIDEST)
    interpolation = cv2.INTER_AREA if height < picture.shape[0] else cv2.INTER_LINEAR
    return cv2.resize(picture, (width, height), interpolation=interpolation)


def _resized(labels: np.ndarray, picture: np.ndarray) -> np.ndarray:
    return cv2.resize(labels, picture.shape[1::-1], interpolation=cv2.INTER_NEAREST)


def _picture(pixels: np.ndarray, label: str = "", mark: str = "") -> Picture:
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    return Picture(data.tobytes(), label, mark)


def _video(frames: list[np.ndarray], info: ClipInfo) -> Picture:
    """Frames of a clip in its own time, or slower."""
    pace = min(PACE, len(frames) * info.fps / info.num_frames)
    return Picture(encode_video(frames, pace, quality=24), f"{len(frames)} frames of {info.num_frames}")


def _marked(picture: np.ndarray, number: int, people: int) -> Picture:
    """A frame that shows so many people; where it is one, without a keypoint."""
    words = {0: "nobody", 1: "no keypoint"}.get(people, f"{people} people")
    return _picture(picture, f"frame {number}: {words}", "several" if people > 1 else "nobody")


def _spread(numbers: np.ndarray, most: int) -> list[int]:
    """Up to `most` of these, evenly."""
    places = np.linspace(0, len(numbers) - 1, min(most, len(numbers))).round().astype(int)
    return [int(number) for number in numbers[places]]


def _palette() -> np.ndarray:
    """The colours (256, 3) of PASCAL VOC, in which parse maps are usually looked at: a label's bits, lowest first, go
    to the high bits of red, green and blue in turn."""
    labels, colours = np.arange(256), np.zeros((256, 3), np.uint8)
    for bit in range(8):
        colours[:, bit % 3] |= ((labels >> bit & 1) << 7 - bit // 3).astype(np.uint8)
    return colours


PALETTE = _palette()
