"""Inputs that are broken or odd, each drawn from a seed, and what is to become of them."""

from __future__ import annotations

import json
import struct
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tests.unit.data_prep.drawn import clip_folder, picture, pictures, video

FAILS, ARRIVES, EITHER = "fails", "arrives", "either"  # EITHER: if it arrives, it is whole
FRAMES = 6
SOUND = {".mp4": "libx264", ".mkv": "libx264", ".webm": "libvpx-vp9", ".avi": "mpeg4", ".mov": "libx264"}

Random = np.random.Generator
Spoil = Callable[[Path, int, Random], str]


def drawn_video(path: Path, seed: int, **options) -> Path:
    more = {"b": "0"} if path.suffix == ".webm" else {"b": "4000000"} if path.suffix == ".avi" else {"g": "4"}
    return video(path, pictures(FRAMES, seed=seed), codec=SOUND[path.suffix], options=more, **options)


def mutated(change: Callable[[bytes, Random], bytes], becomes: str, *suffixes: str) -> Spoil:
    def spoil(path: Path, seed: int, random: Random) -> str:
        path = path.with_suffix(random.choice(suffixes or [".mp4"]))
        container = {"movflags": "faststart"} if path.suffix == ".mp4" and random.random() < 0.5 else None
        drawn_video(path, seed, container=container)
        path.write_bytes(change(path.read_bytes(), random))
        return becomes

    return spoil


def zeroed(data: bytes, random: Random) -> bytes:
    start, length = int(random.integers(len(data) // 8, len(data))), int(random.integers(50, 1500))
    return (data[:start] + bytes(length) + data[start + length :])[: len(data)]


def scrambled(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for place in random.integers(0, len(data), int(random.integers(1, 40))):
        changed[place] = random.integers(256)
    return bytes(changed)


def picture_named_video(path: Path, seed: int, random: Random) -> str:
    Image.fromarray(picture(3, seed=seed)).save(path, str(random.choice(["png", "jpeg"])))
    return FAILS


def one_frame(path: Path, seed: int, random: Random) -> str:
    video(path, [picture(0, seed=seed)])
    return FAILS


def uneven(path: Path, seed: int, random: Random) -> str:
    times = np.cumsum(random.uniform(0.02, 0.2, FRAMES))
    video(path, pictures(FRAMES, seed=seed), times=(times - times[0]).tolist())
    return ARRIVES


def turned(path: Path, seed: int, random: Random) -> str:
    data = bytearray(drawn_video(path, seed).read_bytes())
    a, b, c, d = [(0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)][random.integers(3)]
    place = data.index(b"tkhd") + 44
    data[place : place + 36] = struct.pack(">9i", a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return ARRIVES


def link_to_nothing(path: Path, seed: int, random: Random) -> str:
    path.symlink_to(path.with_name("nowhere.mp4"))
    return FAILS


def folder(path: Path, seed: int, random: Random) -> str:
    path.mkdir()
    return FAILS


def copy(path: Path, seed: int, random: Random) -> str:
    """Of a clip whose name comes first."""
    drawn_video(path.with_name(f"0{path.name}"), seed).read_bytes()
    path.write_bytes(path.with_name(f"0{path.name}").read_bytes())
    return FAILS


def odd_name(path: Path, seed: int, random: Random) -> str:
    words = random.choice([" ", ".", "+", "#", "é", "舞", "%d", ":", "'", "\n", "🕺"], 3)
    drawn_video(path.with_name(f"{path.stem}{''.join(words)}x.mp4"), seed)
    return ARRIVES


def broken_tar(path: Path, seed: int, random: Random) -> str:
    whole = drawn_video(path, seed)
    with tarfile.open(path.with_suffix(".tar"), str(random.choice(["w", "w:gz", "w:xz"]))) as archive:
        archive.add(whole, "a.mp4")
    path.unlink()
    data = path.with_suffix(".tar").read_bytes()
    path.with_suffix(".tar").write_bytes(data[: int(random.integers(10, len(data) * 3 // 4))])
    return EITHER  # a tar ends with padding


def escaping_tar(path: Path, seed: int, random: Random) -> str:
    whole = drawn_video(path, seed)
    with tarfile.open(path.with_suffix(".tar"), "w") as archive:
        member = archive.gettarinfo(whole)
        member.name = str(random.choice(["../a.mp4", "/tmp/a.mp4", "b/../../a.mp4"]))
        archive.addfile(member, whole.open("rb"))
    path.unlink()
    return FAILS


VIDEOS: dict[str, Spoil] = {
    "tail": mutated(lambda data, random: data[: int(random.integers(1, len(data) * 9 // 10))], FAILS, ".mp4", ".mov"),
    "tail2": mutated(lambda data, random: data[: int(random.integers(1, len(data)))], EITHER, *SOUND),
    "head": mutated(lambda data, random: data[int(random.integers(64, len(data))) :], FAILS),
    "zeroed": mutated(zeroed, EITHER, *SOUND),
    "scrambled": mutated(scrambled, EITHER, *SOUND),
    "empty": mutated(lambda data, random: b"", FAILS, *SOUND),
    "words": mutated(lambda data, random: bytes(random.integers(32, 127, 500).tolist()), FAILS, *SOUND),
    "picture": picture_named_video,
    "one": one_frame,
    "uneven": uneven,
    "turned": turned,
    "link": link_to_nothing,
    "folder": folder,
    "copy": copy,
    "name": odd_name,
    "torn": broken_tar,
    "escape": escaping_tar,
}


def saved(mode: str, becomes: str, form: str = "png") -> Spoil:
    """A clip one of whose pictures is of another kind."""

    def spoil(path: Path, seed: int, random: Random) -> str:
        spot = sorted(clip_folder(path, 3, 32, 32, seed=seed).glob("*.png"))[random.integers(3)]
        if mode == "I;16":
            Image.fromarray(np.asarray(Image.open(spot).convert("L")).astype(np.uint16) * 257).save(spot)
        else:
            Image.open(spot).convert(mode).save(spot, form)
        return becomes

    return spoil


def rewritten(part: str, change: Callable[[bytes, Random], bytes], becomes: str) -> Spoil:
    """A clip of which one file in a folder has other bytes."""

    def spoil(path: Path, seed: int, random: Random) -> str:
        files = sorted(path for path in (clip_folder(path, 3, 32, 32, seed=seed) / part).glob("*.*"))
        spot = files[random.integers(len(files))]
        spot.write_bytes(change(spot.read_bytes(), random))
        return becomes

    return spoil


def keypoints(change: Callable[[list], list]) -> Callable[[bytes, Random], bytes]:
    return lambda data, random: json.dumps([{"keypoints": change(json.loads(data)[0]["keypoints"])}]).encode()


def half(data: bytes, random: Random) -> bytes:
    return data[: int(random.integers(1, len(data) - 1))]


def other_size(path: Path, seed: int, random: Random) -> str:
    spot = sorted(clip_folder(path, 3, 32, 32, seed=seed).glob("*.png"))[random.integers(3)]
    Image.fromarray(picture(0, 40, 32)).save(spot)
    return FAILS


def without(part: str) -> Spoil:
    def spoil(path: Path, seed: int, random: Random) -> str:
        sorted((clip_folder(path, 3, 32, 32, seed=seed) / part).glob("*.*"))[random.integers(3)].unlink()
        return ARRIVES

    return spoil


FOLDERS: dict[str, Spoil] = {
    "rgba": saved("RGBA", ARRIVES),
    "deep": saved("I;16", ARRIVES),
    "grey": saved("L", ARRIVES),
    "palette": saved("P", ARRIVES),
    "cmyk": saved("CMYK", ARRIVES, "jpeg"),
    "lying": saved("RGB", ARRIVES, "jpeg"),
    "cut": rewritten(".", lambda data, random: data[: int(random.integers(1, len(data) // 2))], FAILS),
    "nopicture": rewritten(".", lambda data, random: b"this is no picture", FAILS),
    "nan": rewritten("openpose_json", keypoints(lambda rows: [[float("nan")] * 3, *rows[1:]]), FAILS),
    "length": rewritten("openpose_json", keypoints(lambda rows: rows[:-1]), FAILS),
    "halfjson": rewritten("openpose_json", half, FAILS),
    "nomask": rewritten("groundsam", lambda data, random: b"this is no mask", FAILS),
    "size": other_size,
    "nopose": without("openpose_json"),
    "fewmasks": without("groundsam"),
}


def spoil(raw: Path, kinds: dict[str, Spoil], count: int, seed: int) -> Iterator[tuple[str, str]]:
    """`count` inputs in `raw`, all kinds in turn: what each is called, and what is to become of it."""
    raw.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        kind = list(kinds)[number % len(kinds)]
        name = f"{kind}-{number:04d}"
        becomes = kinds[kind](
            raw / (f"{name}.mp4" if kinds is VIDEOS else name), number, np.random.default_rng([seed, number])
        )
        yield name, becomes
