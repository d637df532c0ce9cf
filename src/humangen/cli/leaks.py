"""Checks that a try-on model learns and paints without seeing what is under the region, and says what it found.

Exit code 1 where something leaks.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from humangen.checkpoint import find, load, load_sampler
from humangen.cli.errors import positive
from humangen.cli.options import add_checkpoint, add_painting, guidance_of, pipeline_of, size_of
from humangen.cli.outputs import check_output, identities
from humangen.data.framing import Framing
from humangen.data.index import INDEX, Index
from humangen.data.pipe import folder_of
from humangen.data.stream import Shelf, evaluation_samples
from humangen.data.tryon import ORDERS, make_pair_example, stack_pairs, tryon_batch
from humangen.diffusion.loss import OUTSIDE_WEIGHTS
from humangen.evaluation import write_result
from humangen.inference.dresser import Dresser
from humangen.inference.leaks import Finding, examine, outline, worst
from humangen.inference.outfits import Beside
from humangen.inference.people import MASKS, Wardrobe, read_garment
from humangen.inference.swaps import swapped_people, swapped_samples
from humangen.metrics.region import RegionScores
from humangen.models.codec import weights_hash
from humangen.models.tryon import TryOnPipeline
from humangen.types import Drawn, InputError, TryOnBatch

DANCERS = "data/dancers_tryon/protocol_128x128"  # what conf/protocol/dancers_tryon.yaml scores
SCORES = {"psnr_region": "PSNR, dB", "ssim_region": "SSIM", "delta_e": "CIEDE2000 of the garment"}
VERDICTS = {True: "pass", False: "LEAK", None: "-"}
HINT = (
    "What is under the region is one way to tell what was worn; its outline is another, and no blanking hides it. "
    "Masks that follow the worn garment tell its sleeves and hem: grow them, or take rectangles."
)

Swapped = dict[str, TryOnBatch]  # a batch as it was, under that name, and with other pixels under the region


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser, default="shipped_tryon")
    parser.add_argument(
        "--shards", default=DANCERS, help="folder, URL or pipe: of try-on shards; the test split is read"
    )
    parser.add_argument("--order", choices=ORDERS, default="paired", help="paired: in training's garments, own ones")
    parser.add_argument("--samples", type=positive(int), default=4, help="how many of the shards")
    parser.add_argument("--person", type=Path, help="instead of shards, a picture of one person")
    parser.add_argument("--garment", type=Path, help="with --person: a picture of what to wear")
    parser.add_argument("--mask", type=Path, help="with --person: what to paint is white")
    add_painting(parser)
    parser.add_argument("--batch", type=positive(int), default=4, help="pictures painted at once")
    parser.add_argument("--output", type=Path, help="JSON file to write")


def run(options: argparse.Namespace) -> None:
    files = [options.person, options.garment, options.mask]
    if any(files) and not all(files):
        raise InputError("--person, --garment and --mask belong together: give all three, or --shards")
    if options.output:
        check_output(options.output, identities(filter(None, files)))
    pipeline = loaded(options)
    batches = from_files(options, pipeline) if all(files) else from_shards(options)
    result = report(options, pipeline, batches)
    show(result)
    if options.output:
        write_result(options.output, result)
    if result["leaks"]:
        raise SystemExit(1)


def loaded(options: argparse.Namespace) -> TryOnPipeline:
    pipeline = pipeline_of(options)
    if not isinstance(pipeline, TryOnPipeline):
        raise InputError(f"{find(options.checkpoint)} was trained to animate; name a try-on checkpoint")
    return pipeline.to(options.device)


def from_shards(options: argparse.Namespace) -> Iterator[Swapped]:
    folder = folder_of(options.shards) / f"test{ORDERS[options.order]}"
    if not (folder / INDEX).is_file():
        draw = f"python -m data_prep dancers_tryon --people 1 --outfits 1 --output {DANCERS}"
        raise InputError(f"no try-on shards in {folder}: name others with --shards, or draw people with {draw}")
    height, width = size_of(options)
    framing = Framing(height=height, width=width)
    samples = itertools.islice(evaluation_samples(Shelf(folder, Index.load(folder, "tryon"))), options.samples)
    while chunk := list(itertools.islice(samples, options.batch)):
        yield {
            name: tryon_batch(stack_pairs([make_pair_example(each, framing=framing) for each in some], Drawn()))
            for name, some in {"as it was": chunk, **swapped_samples(chunk, options.seed)}.items()
        }


def from_files(options: argparse.Namespace, pipeline: TryOnPipeline) -> Iterator[Swapped]:
    person = Wardrobe(mask=Beside(options.mask, *MASKS)).read(options.person)
    garment, _ = read_garment(options.garment)
    dresser = Dresser(pipeline, load_sampler(options.checkpoint), *size_of(options))
    key = f"{options.person.stem}+{options.garment.stem}"
    people = {"as it was": [person], **swapped_people([person], options.seed)}
    yield {name: dresser.batch([key], some, [garment]) for name, some in people.items()}


def report(options: argparse.Namespace, pipeline: TryOnPipeline, batches: Iterator[Swapped]) -> dict[str, Any]:
    config = load(options.checkpoint).config
    loss = config.get("loss")
    sampler, guidance = load_sampler(options.checkpoint, num_steps=options.steps), guidance_of(options)
    paired = options.order == "paired" and not options.person
    findings: list[Finding] = []
    scores: dict[str, RegionScores] = {}
    keys: list[str] = []
    for given in track(batches, "swapping"):
        moved = {name: each.to(options.device) for name, each in given.items()}
        batch = moved.pop("as it was")
        found, painted = examine(
            pipeline,
            batch,
            moved,
            sampler=sampler,
            guidance=guidance,
            seed=options.seed,
            outside_weight=OUTSIDE_WEIGHTS.get(loss or ""),
        )
        findings += found
        if paired and batch.worn is not None:
            findings.append(outline(batch.region, batch.worn))
        if batch.truth is not None:
            for name, pixels in painted.items():
                metric = scores.setdefault(name, RegionScores().to(options.device))
                metric.update(pixels, batch.truth, batch.region, batch.worn, keys=batch.keys)
        keys += batch.keys
    together = worst(findings)
    return {
        "leaks": any(finding.passed is False for finding in together),
        "findings": [asdict(finding) for finding in together],
        "errors": errors(scores),
        "outline": HINT,
        "checkpoint": str(find(options.checkpoint)),
        "denoiser_sha256": weights_hash(pipeline.denoiser),
        "background": pipeline.background,
        "loss": loss,
        "order": options.order,
        "keys": keys,
        "size": list(size_of(options)),
        "sampler": asdict(sampler),
        "guidance": guidance,
        "seed": options.seed,
    }


def errors(scores: dict[str, RegionScores]) -> dict[str, dict[str, float]]:
    """Inside the region against the truth, by what was under it while it was painted."""
    computed = {name: metric.compute() for name, metric in scores.items()}
    return {name: {key: values[key] for key in SCORES if key in values} for name, values in computed.items()}


def show(result: dict[str, Any]) -> None:
    table = Table(title="what changes with what is under the region", caption=result["outline"])
    for heading in ("checked", "found", "", "verdict"):
        table.add_column(heading, justify="right" if heading == "found" else "left")
    for finding in result["findings"]:
        found = "-" if finding["found"] is None else f"{finding['found']:.4g}"
        table.add_row(finding["name"], found, finding["unit"], VERDICTS[finding["passed"]])
    console = Console()
    console.print(table)
    if result["errors"]:
        console.print(error_table(result["errors"]))
    if result["loss"] is None:
        print(f"{result['checkpoint']} does not say with which loss it was trained: of its gradient nothing is known")
    samples = len(result["keys"])
    verdict = "something under the region leaks" if result["leaks"] else "nothing under the region leaks"
    print(f"{result['checkpoint']}: {verdict} ({samples} samples, {result['order']})")


def error_table(rows: dict[str, dict[str, float]]) -> Table:
    table = Table(title="inside the region, against the truth")
    shown = [name for name in SCORES if any(name in row for row in rows.values())]
    table.add_column("under the region")
    for name in shown:
        table.add_column(SCORES[name], justify="right")
    for under, row in rows.items():
        table.add_row(under, *(f"{row[name]:.6g}" for name in shown))
    return table
