"""Writing shards: a split with its index, every sample of which was read back. A door to webdataset."""

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

from humangen.data.index import Index, Shard
from humangen.data.schema import decode_clip, decode_pair, named
from humangen.media import decode_picture
from humangen.types import InputError

MANIFEST = "manifest.jsonl"
SAMPLE = "sample_sha256"  # in a line of the manifest: `digest_of` its sample

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
    The same samples give the same bytes. The lines of `manifest` get the sha256 of their samples."""
    digests: dict[str, str] = {}
    index = write_shards(folder, split, noted(samples, digests), kind=kind, per_shard=per_shard)
    verify(folder, index, digests)
    if manifest is not None:
        lines = [sealed(line, digests[line["key"]]) for line in manifest]
        (folder / MANIFEST).write_text("".join(json.dumps(line) + "\n" for line in lines))
    index.write(folder)
    return index


def sealed(line: dict[str, Any], digest: str) -> dict[str, Any]:
    """A line with the digest of its sample; raises `InputError` where it has another one."""
    if line.get(SAMPLE, digest) != digest:
        raise InputError(
            f"{line['key']} was written before, and its bytes are not those any more that {MANIFEST} says: put "
            f"{line['path']} back, or remove the split that holds it"
        )
    return {**line, SAMPLE: digest}


def noted(samples: Iterable[Members], digests: dict[str, str]) -> Iterator[Members]:
    """The same samples; their digests come into `digests`, by key."""
    for sample in samples:
        digests[sample["__key__"]] = digest_of(sample)
        yield sample


def digest_of(sample: Members) -> str:
    """The sha256 of all members, each behind its name and length."""
    whole = hashlib.sha256()
    for name in sorted(name for name in sample if not name.startswith("__")):
        data = sample[name].encode() if isinstance(sample[name], str) else sample[name]
        whole.update(f"{name} {len(data)}\n".encode() + data)
    return whole.hexdigest()


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
    return Shard(path.name, count, path.stat().st_size, sha256_of(path))


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def verify(folder: Path, index: Index, digests: dict[str, str]) -> None:
    """Reads every sample back as a training would; raises `InputError` naming the first that is not whole, or of which
    other bytes stand there than the `digests` of what was written say, and where one is missing."""
    check = {"animation": verify_clip, "tryon": verify_pair}[index.kind]
    missing = dict(digests)
    for shard in index.shards:
        count = 0
        for sample in wds.tariterators.tarfile_samples([{"url": str(folder / shard.name)}], handler=_fail):
            if digest_of(sample) != missing.pop(sample["__key__"], None):
                wrong = f"{folder / shard.name} holds other bytes of {sample['__key__']} than were written"
                raise InputError(f"{wrong}: see that the disk is sound, and run the same command again")
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
