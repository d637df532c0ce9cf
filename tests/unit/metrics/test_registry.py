"""Files of weights: only the recorded content serves, and a download that is broken off or wrong leaves nothing."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from humangen.metrics import registry
from humangen.metrics.registry import RECIPES, available
from humangen.metrics.registry_files import DANCERS, FILES, I3D, INCEPTION, LPIPS_VGG, WeightFile
from humangen.metrics.registry_store import (
    HERE,
    MISSING,
    WRONG,
    fetch,
    located,
    sha256_of,
    state,
    weights_folder,
)
from humangen.types import InputError

CONTENT = b"weights of a network" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
KNOWN = WeightFile("known", "known.pth", len(CONTENT), SHA256, "none", "a test")


class Answer(BaseHTTPRequestHandler):
    """/whole sends the content, /other something else of its length, /short half of it, the rest is not found."""

    def do_GET(self) -> None:
        bodies = {"/whole": CONTENT, "/other": CONTENT[::-1], "/short": CONTENT[: len(CONTENT) // 2]}
        if self.path not in bodies:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(bodies[self.path])

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_only_the_recorded_content_serves(tmp_path: Path) -> None:
    assert state(KNOWN, tmp_path) == MISSING
    (tmp_path / KNOWN.file).write_bytes(CONTENT[::-1])
    assert state(KNOWN, tmp_path) == WRONG
    with pytest.raises(InputError, match="refused"):
        located(KNOWN, tmp_path)
    (tmp_path / KNOWN.file).write_bytes(CONTENT + b"more")
    assert state(KNOWN, tmp_path) == WRONG
    (tmp_path / KNOWN.file).write_bytes(CONTENT)
    assert located(KNOWN, tmp_path) == tmp_path / KNOWN.file


def test_fetching(server: str, tmp_path: Path) -> None:
    weight = replace(KNOWN, address=f"{server}/whole")
    assert fetch(weight, tmp_path).read_bytes() == CONTENT
    assert names(tmp_path) == [KNOWN.file]
    assert fetch(replace(KNOWN, address=f"{server}/nothing"), tmp_path).read_bytes() == CONTENT  # it is there


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("other", "another file"), ("short", "broke off after 10,000 of 20,000"), ("nothing", "cannot be fetched")],
)
def test_what_goes_wrong_leaves_nothing(server: str, tmp_path: Path, path: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        fetch(replace(KNOWN, address=f"{server}/{path}"), tmp_path)
    assert names(tmp_path) == []


def test_ctrl_c_in_a_download_leaves_nothing(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*arguments: object) -> Iterator[bytes]:
        yield CONTENT[:100]
        raise KeyboardInterrupt

    monkeypatch.setattr("humangen.metrics.registry_store._chunks", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch(replace(KNOWN, address=f"{server}/whole"), tmp_path)
    assert names(tmp_path) == []


def test_what_has_no_address_is_not_fetched(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be fetched by a program"):
        fetch(KNOWN, tmp_path)
    assert names(tmp_path) == []


def test_a_network_that_refuses_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="check the network"):
        fetch(replace(KNOWN, address="http://127.0.0.1:9/weights"), tmp_path)


def test_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUMANGEN_WEIGHTS", str(tmp_path))
    assert weights_folder() == tmp_path
    assert weights_folder("elsewhere") == Path("elsewhere")
    monkeypatch.delenv("HUMANGEN_WEIGHTS")
    assert weights_folder() == Path.home() / ".cache/humangen/weights"


def test_what_comes_with_packages_is_there(tmp_path: Path) -> None:
    assert state(DANCERS, tmp_path) == HERE
    assert state(LPIPS_VGG, tmp_path) == HERE
    absent = replace(LPIPS_VGG, inside="no_such_package/weights.pth")
    with pytest.raises(InputError, match="package no_such_package"):
        state(absent, tmp_path)


def test_the_registry_is_sound() -> None:
    for weight in FILES.values():
        assert len(bytes.fromhex(weight.sha256)) == 32
        assert weight.address is None or weight.address.startswith("https://")
    assert all(weight in FILES.values() for recipe in RECIPES.values() for weight in (*recipe.files, *recipe.heads))


def test_a_metric_without_its_file_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / I3D.file).write_bytes(CONTENT)
    (tmp_path / "resnet-50-kinetics.pth").write_bytes(CONTENT)
    metrics, lacking = available([*RECIPES], tmp_path)
    optional = {"pose_error_mediapipe", "pose_missing_mediapipe"}  # of a package that not every Python has
    assert set(metrics) - optional == {"fd_dancers", "fvd_dancers"}
    assert set(metrics) | set(lacking) == set(RECIPES)
    assert lacking["fid"] == f"unavailable (file {INCEPTION.file})"
    assert lacking["fvd"] == "unavailable (file i3d_torchscript.pt: wrong sha256)"
    assert lacking["fid_vid"] == "unavailable (file resnet-50-kinetics.pth: wrong sha256)"
    monkeypatch.setattr(registry, "find_spec", lambda package: None)
    assert available(["lpips_vgg"], tmp_path)[1] == {"lpips_vgg": "unavailable (package lpips)"}
    with pytest.raises(InputError, match="fidd"):
        available(["fidd"], tmp_path)


def test_metrics_of_one_network_share_it(tmp_path: Path) -> None:
    metrics, _ = available(["fd_dancers"], tmp_path)
    assert metrics["fd_dancers"].clone().extractor is metrics["fd_dancers"].extractor


def test_a_hash_is_taken_again_when_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert sha256_of(path) == SHA256
    path.write_bytes(CONTENT + b".")
    assert sha256_of(path) != SHA256
