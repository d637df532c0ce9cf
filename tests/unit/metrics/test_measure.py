"""What the networks of a measure look at: windows of clips, and every truth once."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from humangen.metrics.features import Extractor
from humangen.metrics.frechet import FrechetDistance
from humangen.metrics.kernel import KernelDistance, sample_ids
from humangen.metrics.protocols import AnimationProtocol, TryOnProtocol
from humangen.metrics.video import Windows
from tests.unit.tiny import tiny_batch, tiny_pair_batch


class Levels(Extractor):
    """The mean levels of the first and the last frame of a row; notes how many rows came at once."""

    dim = 2

    def __init__(self, *, whole_clips: bool, windows: Windows | None = None) -> None:
        super().__init__("levels", "0" * 64)
        self.whole_clips, self.chunk, self.windows = whole_clips, 4, windows
        self.looked: list[int] = []

    def network_features(self, rows: Tensor) -> Tensor:
        self.looked.append(len(rows))
        frames = rows if self.whole_clips else rows[:, None]
        return torch.stack([frames[:, 0].mean((1, 2, 3)), frames[:, -1].mean((1, 2, 3))], 1)


def test_metrics_of_clips_see_windows_and_others_whole_clips() -> None:
    """Of what was painted and of the truth, each on its side, and a few at a time."""
    windows, frames = Levels(whole_clips=True, windows=Windows(length=3, stride=1)), Levels(whole_clips=False)
    networks = {"fvd": FrechetDistance(windows), "kvd": KernelDistance(windows), "fid": FrechetDistance(frames)}
    protocol = AnimationProtocol("x", 1, ["psnr"])
    measure = replace(protocol.measures(["painted"])["painted"], networks=networks)
    batch = tiny_batch(["a", "b"], frames=5)
    painted = batch.target / 2 + 0.1
    protocol.compare(measure, painted, batch)
    for side, clips in enumerate((painted, batch.target)):
        levels = clips.mean((2, 3, 4)).double()
        starts = [[clip[at], clip[at + 2]] for clip in levels for at in range(3)]
        torch.testing.assert_close(networks["fvd"].sums[side], torch.tensor(starts).sum(0).double())
        torch.testing.assert_close(networks["fid"].sums[side], levels.sum().expand(2))
    assert networks["fvd"].counts.tolist() == [6, 6]
    assert networks["fid"].counts.tolist() == [10, 10]
    ids = [sample_ids([key], 1) for key in ("a@0", "a@1", "a@2", "b@0", "b@1", "b@2")]
    assert torch.equal(networks["kvd"].prediction_ids[0], torch.cat(ids))
    assert max(windows.looked) <= windows.chunk


def test_a_truth_is_looked_at_once_however_many_paintings_it_is_held_against() -> None:
    """In windows, and where it is a picture that becomes a clip of one frame."""
    pairs = tiny_pair_batch(["a", "b"])
    people = replace(pairs, truth=-pairs.person)
    for protocol, batch, count, windows in (
        (AnimationProtocol("x", 1, ["psnr"]), tiny_batch(["a", "b"], frames=5), 6, Windows(length=3, stride=1)),
        (TryOnProtocol("x", 1, ["psnr_box"]), people, 2, None),
    ):
        network = Levels(whole_clips=windows is not None, windows=windows)
        measures = protocol.measures(["one", "two", "three"])
        for number, measure in enumerate(measures.values()):
            seen = replace(measure, networks={"fvd": FrechetDistance(network), "kvd": KernelDistance(network)})
            protocol.compare(seen, protocol.truth(batch) * 0.1 * number, batch)
        assert sum(network.looked) == (1 + len(measures)) * count


def test_what_was_written_since_is_looked_at_again() -> None:
    network, clip = Levels(whole_clips=False), torch.zeros(1, 2, 3, 4, 4)
    before = network(clip)
    assert network(clip[:, :]) is before
    assert not torch.equal(network(clip[:, :1]), before)
    clip += 1
    assert torch.equal(network(clip), before + 1)
