"""Writing shards: a split appears whole, checked and with its index, or not at all. A door to webdataset."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import webdataset as wds
from upath import UPath

from humangen.data.index import INDEX, Index, Shard
from humangen.data.schema import decode_clip, decode_pair, named
from humangen.media import decode_picture
from humangen.types import InputError

MANIFEST = "manifest.jsonl"
ASIDE = (".prepared", ".replaced")  # what the folder of a split ends with just before and just after it is one

BESIDE = (INDEX, MANIFEST)  # what a split holds besides its tars

Members = dict[str, Any]  # members by webdataset field name, and "__key__"


def build_split(
    folder: Path,
    split: str,
    samples: Iterable[Members],
    *,
    kind: str,
    per_shard: int,
    manifest: list[dict[str, Any]] | None = None,
) -> Index:
    """Writes `samples` as tars of `per_shard` into a new `folder`, reads every one back, and writes the index last.
    The same samples give the same bytes."""
    index = write_shards(folder, split, samples, kind=kind, per_shard=per_shard)
    verify(folder, index)
    if manifest is not None:
        (folder / MANIFEST).write_text("".join(json.dumps(line) + "\n" for line in manifest))
    index.write(folder)
    return index


def install(built: Path, target: UPath) -> None:
    """Puts a built split where it is to live, in place of what is there: at once on this machine, the index last
    elsewhere, without which nothing reads the rest. Raises `InputError` where something else is there."""
    check_ours(target)
    if isinstance(target, Path):
        new, old = (target.with_name(f".{target.name}{ending}") for ending in ASIDE)
        for stale in (new, old):
            shutil.rmtree(stale, ignore_errors=True)
        shutil.move(built, new)  # a copy, where the work is on another disk
        if target.exists():
            target.replace(old)
        new.replace(target)
        shutil.rmtree(old, ignore_errors=True)
        return
    (target / INDEX).unlink(missing_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    for name in [*sorted(path.name for path in built.iterdir() if path.name != INDEX), INDEX]:
        with (built / name).open("rb") as source, (target / name).open("wb") as copy:
            shutil.copyfileobj(source, copy)
    shutil.rmtree(built)


def check_ours(folder: UPath) -> None:
    """Raises `InputError` where a folder of this machine that a split is to replace holds anything but a split."""
    if not isinstance(folder, Path) or not folder.is_dir():
        return
    strange = sorted(path.name for path in folder.iterdir() if not (path.suffix == ".tar" or path.name in BESIDE))
    if strange or (any(folder.iterdir()) and not (folder / INDEX).is_file()):
        what = strange[0] if strange else f"tars without {INDEX}"
        raise InputError(f"{folder} is to hold shards, and holds something else ({what}): name another --output")


def is_sound(folder: UPath) -> bool:
    """Whether the shards of a split are all there, byte for byte; elsewhere their sizes are asked for alone."""
    for shard in json.loads((folder / INDEX).read_text())["shards"]:
        path = folder / shard["name"]
        if not path.is_file() or path.stat().st_size != shard["num_bytes"]:
            return False
        if isinstance(path, Path) and sha256_of(path) != shard["sha256"]:
            return False
    return True


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def leftovers(folder: Path) -> list[Path]:
    """What `install` leaves beside the splits when it is killed."""
    return [path for ending in ASIDE for path in folder.glob(f".*{ending}")]


def write_shards(folder: Path, split: str, samples: Iterable[Members], *, kind: str, per_shard: int) -> Index:
    """The tars alone, into a new `folder`; the index they need is returned."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    counts: list[int] = []
    writer = wds.ShardWriter(str(folder / "%06d.tar"), maxcount=per_shard, verbose=0, mtime=0, encoder=False)
    try:
        for sample in samples:
            writer.write(sample)
            counts[writer.shard - 1 :] = [writer.count]
    finally:
        writer.close()
    if not counts:
        raise InputError(f"nothing to write into {folder}: the source gave no sample")
    shards = zip(sorted(folder.glob("*.tar")), counts, strict=True)
    return Index(kind=kind, split=split, shards=tuple(_described(path, count) for path, count in shards))


def _described(path: Path, count: int) -> Shard:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Shard(path.name, count, path.stat().st_size, digest)


def verify(folder: Path, index: Index) -> None:
    """Reads every sample back as a training would; raises `InputError` naming the first that is not whole."""
    check = {"animation": verify_clip, "tryon": verify_pair}[index.kind]
    for shard in index.shards:
        count = 0
        for sample in wds.tariterators.tarfile_samples([{"url": str(folder / shard.name)}], handler=_fail):
            check(sample)
            count += 1
        if count != shard.num_samples:
            raise InputError(f"{folder / shard.name} gives {count} samples back, {shard.num_samples} were written")


def _fail(error: Exception) -> bool:
    raise InputError(f"a shard cannot be read back: {error}") from error


def verify_clip(sample: Members) -> None:
    """The video has as many frames as keypoints and as its json says, of its size, and keypoints lie inside."""
    record = decode_clip(sample)
    with named(record.key):
        video, info = record.open(), record.info
        if len(video) != info.num_frames:
            raise InputError(f"its video has {len(video)} frames, its json says {info.num_frames}")
        video.frames([0, len(video) - 1])
        seen = record.keypoints[record.keypoints[..., 2] > 0]
        if len(seen) and (seen[:, :2].min() < 0 or seen[:, :2].max() > 1):
            raise InputError("it has keypoints outside of the picture that are said to be seen")


def verify_pair(sample: Members) -> None:
    """Person and region, and parse map, truth and worn garment where they are there, have the size that the json
    says."""
    record = decode_pair(sample)
    decode_picture(record.garment, f"{record.key}.garment")
    sizes = {
        "json": (record.info.height, record.info.width),
        "person": decode_picture(record.person, f"{record.key}.person").shape[:2],
        "region": record.region.shape,
    }
    sizes |= {name: part.shape for name in ("parse", "worn") if (part := getattr(record, name)) is not None}
    if record.truth is not None:
        sizes["truth"] = decode_picture(record.truth, f"{record.key}.truth").shape[:2]
    if len(set(sizes.values())) != 1:
        told = ", ".join(f"{name} {width}x{height}" for name, (height, width) in sizes.items())
        raise InputError(f"sample {record.key} has parts of different sizes: {told}")


def read_shard(path: UPath, wanted: Callable[[int, str], bool]) -> Iterator[Members]:
    """The samples of one tar, of each the members that are `wanted` by the sample's number and their field; all else
    is passed over, not read. Raises `InputError` where the file breaks off."""
    number, sample = -1, Members()
    try:
        with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            while member := archive.next():
                key, _, field = member.name.partition(".")
                if key != sample.get("__key__"):
                    if len(sample) > 1:
                        yield sample
                    number, sample = number + 1, {"__key__": key}
                content = archive.extractfile(member) if wanted(number, field) else None
                if content is not None:
                    sample[field] = content.read()
    except (OSError, tarfile.TarError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if len(sample) > 1:
        yield sample


def read_manifest(folder: UPath | Path) -> list[dict[str, Any]]:
    """The lines of a split's manifest, none where there is none."""
    path = folder / MANIFEST
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def pack(members: Members) -> bytes:
    """One sample as the bytes of a tar."""
    buffer = io.BytesIO()
    with wds.TarWriter(buffer, encoder=False, mtime=0) as writer:
        writer.write(members)
    return buffer.getvalue()


def unpack(data: bytes) -> Members:
    """The sample of `pack`."""
    files = wds.tariterators.tar_file_expander([{"url": "", "stream": io.BytesIO(data)}], handler=_fail)
    sample = next(iter(wds.tariterators.group_by_keys(files, handler=_fail)))
    return {name: value for name, value in sample.items() if name in ("__key__",) or not name.startswith("__")}
