"""Tables mark what is best, and a sentence says how sure that is."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import pytest

from humangen.report.columns import HIGHER, LOWER, NEITHER, Column
from humangen.report.formats import comma_separated, html, latex, markdown
from humangen.report.report import Report
from humangen.report.runs import find_runs
from humangen.report.tables import Cell
from tests.unit.report.made_up import PSNRS, leave, result, steps


def reported(folder: Path, *shifts: float, samples: bool = False) -> Report:
    for number, shift in enumerate(shifts, start=1):
        kept = {key: value + shift for key, value in PSNRS.items()} if samples else None
        leave(folder / str(number), result(shift, **steps(number)), samples=kept)
    return Report.of(find_runs([folder]))


@pytest.mark.parametrize(
    ("name", "better", "value", "shown"),
    [
        ("psnr_figure", HIGHER, 22.031, "22.03"),
        ("psnr_wrapped", NEITHER, 29.031, "29.03"),
        ("ssim_disco", HIGHER, 0.92, "0.9200"),
        ("l1", LOWER, 0.0173, "0.0173"),
        ("l1_disco", LOWER, 3.78e-4, "0.0003780"),
        ("l1_disco", LOWER, 3.7814e-5, "3.781e-05"),
        ("dtssd", LOWER, 0.0012346, "0.001235"),
        ("temporal_drift_l1_disco_4", LOWER, 3.32e-4, "0.0003320"),
        ("temporal_drift_lpips_vgg_4", LOWER, 0.25, "0.2500"),
        ("kid", LOWER, 0.00123, "0.001230"),
        ("fvd_disco", LOWER, 412.125, "412.12"),
        ("fd_dancers", LOWER, 0.77, "0.77"),
        ("delta_e", LOWER, 5.5, "5.50"),
        ("old_garment_distance", NEITHER, 5.5, "5.50"),
        ("max_outside", LOWER, 9.0, "9.00"),
        ("s/sample", LOWER, 0.0031, "0.003100"),
        ("s/sample", LOWER, 31.25, "31.25"),
        ("s/sample", LOWER, 3600.2, "3600"),
        ("step s", LOWER, 0.28, "0.2800"),
        ("samples/s", HIGHER, 0.0321, "0.03210"),
        ("of_nobody", NEITHER, 1.0, "1.00"),
    ],
)
def test_metrics_know_which_way_is_better_and_their_digits(name: str, better: int, value: float, shown: str) -> None:
    column = Column.of(name)
    assert (column.better, column.shown(value)) == (better, shown)


@pytest.mark.parametrize(
    ("name", "values", "shown"),
    [
        ("l1_disco", (3.5e-4, 3.7e-4), "0.0003600 ± 0.0000141"),
        ("l1_disco", (3.5e-5, 3.7e-5), "3.600e-05 ± 1.414e-06"),
        ("s/sample", (20.0, 22.0), "21.00 ± 1.41"),
        ("psnr", (20.0, 20.001), "20.00 ± 0.00"),
    ],
)
def test_a_spread_has_the_digits_of_its_number(name: str, values: tuple[float, ...], shown: str) -> None:
    assert Cell(values).shown(Column.of(name)) == shown


def test_what_ranks_nothing_has_no_arrow_and_no_best(tmp_path: Path) -> None:
    protocol = {"id": "made_up", "version": 1, "metrics": ["psnr_wrapped", "psnr"]}
    for number in (1, 2):
        scores = {"psnr_wrapped": 30.0 - number, "psnr": 20.0 + number}
        leave(tmp_path / str(number), result(scores=scores, protocol=protocol, **steps(number)))
    report = Report.of(find_runs([tmp_path]))
    text = markdown(report.table)
    assert "| psnr_wrapped | psnr ↑ |" in text
    assert "| **22.00** |" in text
    assert "**29.00**" not in text
    assert report.column == Column.of("psnr")


@pytest.mark.parametrize(("second", "where"), [(0.2, "inside"), (-3.0, "outside")])
def test_the_best_is_named_with_its_interval(tmp_path: Path, second: float, where: str) -> None:
    said = " ".join(reported(tmp_path, second, 1.0).verdict)
    assert "Best by psnr: num_steps=2, with 23.00 (95 % interval 22.00 to 24.00)." in said
    assert f"num_steps=1 with {22 + second:.2f}, lies {where} that interval" in said


def test_the_same_samples_tell_more_than_two_intervals(tmp_path: Path) -> None:
    said = " ".join(reported(tmp_path, 0.2, 0.3, samples=True).verdict)
    assert "lies inside" in said
    assert "wins 3 of 3, by 0.10 on average (95 % interval 0.10 to 0.10)" in said


CLIPS = {"long": 31, "short": 1}


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        (CLIPS, ", weighted by their frames, the best wins 1 of 2, by 0.88 on average (95 % interval -3.00 to 1.00)"),
        (dict.fromkeys(CLIPS, 9), " the best wins 1 of 2, by -1.00 on average"),
        (None, ", whose lengths were not kept and which count alike here, the best wins 1 of 2, by -1.00 on average"),
    ],
)
def test_clips_count_by_their_frames_as_in_the_scores(
    tmp_path: Path, frames: dict[str, int] | None, words: str
) -> None:
    """The best is 1 dB better in 31 frames, and 3 dB worse in one."""
    scores = {1: {"long": 24.0, "short": 20.0}, 2: {"long": 23.0, "short": 23.0}}
    for number, samples in scores.items():
        psnr = sum(samples[key] * CLIPS[key] for key in CLIPS) / 32
        made = result(scores={"psnr": psnr}, frames_per_clip={"least": 1, "most": 31, "sha256": "f"}, **steps(number))
        leave(tmp_path / str(number), made, samples=samples, frames=frames)
    verdict = Report.of(find_runs([tmp_path])).verdict
    assert "num_steps=1, with 23.88" in verdict[0]
    assert f"On the same samples{words}" in verdict[-1]
    assert verdict[-1].endswith("the two cannot be told apart.")


def test_short_clips_make_no_pair_less_sure(tmp_path: Path) -> None:
    """Half of the clips are worse by 3 dB, but hold a 32nd of the frames."""
    gains = {f"{length}{at}": gain for length, gain in (("long", 1.0), ("short", -3.0)) for at in range(12)}
    for number, times in ((1, 1), (2, 0)):
        samples = {key: 20.0 + times * gain for key, gain in gains.items()}
        frames = {key: CLIPS[key.rstrip("0123456789")] for key in gains}
        made = result(scores={"psnr": 20.0 + times * 0.875}, **steps(number))
        leave(tmp_path / str(number), made, samples=samples, frames=frames)
    verdict = Report.of(find_runs([tmp_path])).verdict
    assert "wins 12 of 24, by 0.88 on average" in verdict[-1]
    assert verdict[-1].endswith("the difference is no chance of which samples these are.")


@pytest.mark.parametrize(("metric", "better"), [("psnr", HIGHER), ("lpips_vgg", LOWER)])
@pytest.mark.parametrize(
    ("gains", "won", "told"),
    [
        ((2.0, 2.0, 2.5), 3, "the difference is no chance of which samples these are"),
        ((6.0, -3.0, 0.0), 1, "the two cannot be told apart"),
        ((-2.0, -2.0, -2.5), 0, "sample by sample the order is the other one"),
    ],
)
def test_a_pair_says_how_sure_it_is_whichever_way_is_better(
    tmp_path: Path, metric: str, better: int, gains: tuple[float, ...], won: int, told: str
) -> None:
    """`gains` are what the best is better by, sample by sample."""
    protocol = {"id": "made_up", "version": 1, "metrics": [metric]}
    for number, times in ((1, 1), (2, 0)):
        made = result(scores={metric: 20.0 + times * better}, intervals={}, protocol=protocol, **steps(number))
        samples = {str(at): 20.0 + times * better * gain for at, gain in enumerate(gains)}
        leave(tmp_path / str(number), made, samples=samples, metric=metric)
    verdict = Report.of(find_runs([tmp_path])).verdict
    assert verdict[0].startswith(f"Best by {metric}: num_steps=1")
    average = sum(gains) / 3
    assert f"the best wins {won} of 3, by {Column.of(metric).shown(average)} on average" in verdict[-1]
    assert verdict[-1].endswith(f"{told}.")


def test_one_arm_is_not_the_best_of_anything(tmp_path: Path) -> None:
    report = reported(tmp_path, 0.0)
    assert report.verdict == []
    assert "**" not in markdown(report.table)


def test_seeds_have_a_spread_in_place_of_an_interval(tmp_path: Path) -> None:
    for seed, shift in enumerate((0.0, 2.0)):
        leave(tmp_path / str(seed), result(shift, seed=seed))
    for seed, shift in enumerate((-4.0, -4.0)):
        leave(tmp_path / f"other{seed}", result(shift, seed=seed, guidance=2.0))
    report = Report.of(find_runs([tmp_path]))
    text = markdown(report.table)
    assert "| guidance=1 | 2 | **23.00 ± 1.41** |" in text
    lines = text.splitlines()
    assert not [after for line, after in itertools.pairwise(lines) if "±" in line and "interval" in after]
    assert "one standard deviation over 2 runs 21.59 to 24.41" in report.verdict[0]


def test_tables_say_the_same_in_every_form(tmp_path: Path) -> None:
    table = reported(tmp_path, 0.0, 1.0).table
    text, tex, page = markdown(table), latex(table), html(table)
    for form in (text, tex, page):
        assert "unavailable (file i.pth)" in form
        assert "floor: repeat" in form
        assert "22.00 to 24.00" in form
    assert "psnr ↑ | l1 ↓" in text
    assert "**23.00**" in text
    assert r"\textbf{23.00}" in tex
    assert r"num\_steps=1" in tex
    assert "<b>23.00</b>" in page
    assert text.count("floor: repeat") == 1  # the same for all
    assert text.count("floor: isolated, num_steps=") == 2
    rows = list(csv.DictReader(comma_separated(table).splitlines()))
    assert [row["kind"] for row in rows[:3]] == ["arm", "interval low", "interval high"]
    assert float(rows[0]["psnr"]) == 22.0


def test_an_interval_of_something_else_is_not_shown(tmp_path: Path) -> None:
    """The largest difference of any sample stands beside an interval of the samples' mean."""
    made = result(scores={"psnr": 20.0, "max_outside": 9.0}, intervals={"psnr": [19, 21], "max_outside": [2, 4]})
    leave(tmp_path / "one", made)
    text = markdown(Report.of(find_runs([tmp_path])).table)
    assert "19.00 to 21.00" in text
    assert "2.00 to 4.00" not in text


def test_try_on_is_ranked_by_its_box_and_never_by_the_outside(tmp_path: Path) -> None:
    metrics = ["old_garment_distance", "psnr_outside", "fid", "delta_e"]
    for number in (1, 2):
        scores = {"old_garment_distance": 5.0, "psnr_outside": 30.0, "fid": "unavailable", "delta_e": float(number)}
        protocol = {"id": "unpaired", "version": 1, "metrics": metrics}
        leave(tmp_path / str(number), result(scores=scores, protocol=protocol, **steps(number)))
    report = Report.of(find_runs([tmp_path]))
    assert report.column == Column.of("delta_e")
    assert report.verdict[0].startswith("Best by delta_e: num_steps=1")
