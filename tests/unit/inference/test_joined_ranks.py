"""What ranks send each other is memory as it lies."""

from __future__ import annotations

import pytest
import torch
import torch.distributed as dist
from torch import Tensor

from humangen.inference.ranks import ProcessGroup


@pytest.mark.parametrize("rank", [0, 1])
def test_what_is_sent_lies_as_what_it_is_received_in(rank: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results of networks in channels_last, as a diffusers autoencoder gives them."""
    result = torch.arange(2.0 * 3 * 4 * 5).view(2, 3, 4, 5)
    laid = result.contiguous(memory_format=torch.channels_last)

    def broadcast(tensor: Tensor, src: int) -> None:
        memory = torch.as_strided(tensor, (tensor.numel(),), (1,))
        if src == rank:
            sent.append(memory.clone())
        else:
            memory.copy_(result.flatten())

    sent: list[Tensor] = []
    monkeypatch.setattr(dist, "get_rank", lambda: rank)
    monkeypatch.setattr(dist, "get_world_size", lambda: 2)
    monkeypatch.setattr(dist, "broadcast", broadcast)
    for each in ProcessGroup().map([lambda: laid, lambda: laid], [laid, laid]):
        assert torch.equal(each, result)
    assert torch.equal(sent[0], result.flatten())
