"""A thousand broken and odd inputs: each is named in the ledger or arrives whole, and none harms its neighbours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.data_prep.drawn import drawn_poses  # noqa: F401
from tests.unit.data_prep.spoiled import FOLDERS, VIDEOS
from tests.unit.data_prep.test_spoiled import check_folders, check_videos


@pytest.mark.slow
@pytest.mark.usefixtures("drawn_poses")
def test_a_thousand_inputs(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    check_videos(tmp_path / "videos", 42 * len(VIDEOS), seed=1)
    check_folders(tmp_path / "folders", 20 * len(FOLDERS), seed=1)
    assert 42 * len(VIDEOS) + 20 * len(FOLDERS) >= 1000
    assert not capfd.readouterr().err
