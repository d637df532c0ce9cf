"""Numbers that may not change when a library does: fixed pictures, and what independent implementations say of them."""

from __future__ import annotations

from math import log10, sqrt
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torchvision.models import alexnet

from humangen.media import read_picture, to_tensor, to_uint8
from humangen.metrics.disco import grey, l1_disco, psnr_wrapped, ssim_disco
from humangen.metrics.image import eight_bit, smoothed_on_device, smoothed_on_host, ssim_map
from humangen.metrics.perceptual import PerceptualNetwork
from humangen.metrics.suite import FrameScores

REAL = Path(__file__).parents[4] / "shared" / "real" / "tiktok_folder"
NAMES = ("psnr", "ssim", "l1", "ssim_disco", "l1_disco", "psnr_wrapped", "dtssd")

LPIPS = {
    False: [0.005437134, 0.005301092, 0.004951248],
    True: [0.001282478, 0.001151223, 0.001179711],
}  # of each drawn frame, by `as_disco`


def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Painted and true frames (3, 48, 64, 3), uint8, by a formula: waves that move, and errors of up to 24 levels."""
    frame, y, x, channel = np.meshgrid(*map(np.arange, (3, 48, 64, 3)), indexing="ij")
    truth = np.rint(127.5 + 120 * np.sin((x + 2 * frame) / 7 + channel) * np.cos(y / 5 - channel / 2))
    errors = (x * 7919 + y * 104729 + frame * 1299709 + channel * 15485863) % 49 - 24
    return (truth + errors).clip(0, 255).astype(np.uint8), truth.astype(np.uint8)


def real() -> tuple[np.ndarray, np.ndarray]:
    """A real frame at 256x256, three times, as it is some frames later, with less contrast, and as another person."""
    if not REAL.is_dir():
        pytest.skip("the real frames are not here")
    paths = [REAL / "001" / "000001.png", REAL / "001" / "000009.png", REAL / "002" / "000001.png"]
    frames = [cv2.resize(read_picture(path), (256, 256), interpolation=cv2.INTER_AREA) for path in paths]
    faded = (frames[0] * 0.8 + 20).astype(np.uint8)
    return np.stack([frames[1], faded, frames[2]]), np.stack(frames[:1] * 3)


PAIRS = pytest.mark.parametrize("pair", [drawn, real], ids=lambda pair: pair.__name__)


def scored(painted: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    metric = FrameScores(NAMES)
    metric.update(to_tensor(painted)[None], to_tensor(truth)[None], None)
    return metric.compute()


def test_the_numbers_of_the_drawn_frames() -> None:
    assert scored(*drawn()) == pytest.approx(
        {
            "psnr": 25.184138529,
            "ssim": 0.79075349663,
            "l1": 0.0476614980483,
            "ssim_disco": 0.82587814897,
            "l1_disco": 0.00395627669346,
            "psnr_wrapped": 28.833853350,
            "dtssd": 0.008004243994,
        },
        rel=1e-9,
    )


def made_up_alexnet(path: Path) -> Path:
    """AlexNet's convolutions of numbers that numpy promises never to change."""
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in alexnet(weights=None).state_dict().items()}
    random = np.random.RandomState(0)
    tensors = {}
    for name in sorted(name for name in shapes if name.startswith("features.")):
        fan_in = np.prod(shapes[name][1:]) if len(shapes[name]) > 1 else 100
        tensors[name] = torch.from_numpy(random.standard_normal(shapes[name]) * np.sqrt(2 / fan_in)).float()
    torch.save(tensors, path)
    return path


def test_the_lpips_of_the_drawn_frames(tmp_path: Path) -> None:
    """The heads are those of the package lpips; another way to scale, normalise or weigh shows here."""
    file = made_up_alexnet(tmp_path / "alexnet.pth")
    painted, truth = (to_tensor(each) for each in drawn())
    for as_disco, expected in LPIPS.items():
        found = PerceptualNetwork("alex", file, "0" * 64, as_disco=as_disco)(painted, truth)
        assert found.tolist() == pytest.approx(expected, rel=1e-4)


@PAIRS
def test_scikit_image_agrees(pair) -> None:
    metrics = pytest.importorskip("skimage.metrics")
    painted, truth = pair()
    scores = scored(painted, truth)
    psnr = [metrics.peak_signal_noise_ratio(b, a, data_range=255) for a, b in zip(painted, truth, strict=True)]
    assert scores["psnr"] == pytest.approx(np.mean(psnr), rel=1e-9)
    greys = [[cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames] for frames in (painted, truth)]
    grey_ssim = [metrics.structural_similarity(a, b) for a, b in zip(*greys, strict=True)]
    assert scores["ssim_disco"] == pytest.approx(np.mean(grey_ssim), rel=1e-9)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255.0}
    for a, b in zip(painted, truth, strict=True):
        _, expected = metrics.structural_similarity(a, b, channel_axis=-1, full=True, **options)
        found = ssim_map(*(torch.from_numpy(each / 255).movedim(-1, 0) for each in (a, b)))
        # beyond, it doubles the border pixel, where torchmetrics and this mirror at it
        np.testing.assert_allclose(found[5:-5, 5:-5], expected.mean(-1)[5:-5, 5:-5], rtol=1e-6)


@PAIRS
def test_torchmetrics_agrees(pair) -> None:
    functional = pytest.importorskip("torchmetrics.functional.image")
    painted, truth = (torch.from_numpy(each[:1] / 255).movedim(-1, 1) for each in pair())
    expected = functional.structural_similarity_index_measure(painted[..., :48, :], truth[..., :48, :], data_range=1.0)
    assert float(ssim_map(painted[..., :48, :], truth[..., :48, :]).mean()) == pytest.approx(float(expected), rel=1e-9)


@PAIRS
def test_the_formulas_by_hand(pair) -> None:
    painted, truth = pair()
    scores = scored(painted, truth)
    one, other = painted.astype(np.float64), truth.astype(np.float64)
    height, width = one.shape[1:3]
    assert scores["l1"] == pytest.approx(np.abs(one - other).mean() / 255, rel=1e-12)
    assert scores["l1_disco"] == pytest.approx(np.abs(one - other).mean() / (height * width), rel=1e-12)
    decibels = [20 * log10(255 / sqrt(((a - b) ** 2).mean())) for a, b in zip(one, other, strict=True)]
    assert scores["psnr"] == pytest.approx(np.mean(decibels), rel=1e-12)
    changes = np.diff(one / 255, axis=0) - np.diff(other / 255, axis=0)
    assert scores["dtssd"] == pytest.approx((changes**2).mean(), rel=1e-12)


@PAIRS
def test_the_wrapped_psnr_wraps_as_numpy_does(pair) -> None:
    painted, truth = pair()
    errors = [((a - b) ** 2).mean() for a, b in zip(painted, truth, strict=True)]
    assert painted.dtype == np.uint8
    assert scored(painted, truth)["psnr_wrapped"] == pytest.approx(np.mean([20 * log10(255 / sqrt(e)) for e in errors]))


def test_wrapping_hides_that_two_pictures_have_nothing_in_common() -> None:
    scores = scored(*(np.full((1, 16, 16, 3), value, np.uint8) for value in (0, 240)))
    assert scores["psnr_wrapped"] == 100  # 240 x 240 is a multiple of 256
    assert scores["psnr"] < 0.6
    noise = np.random.default_rng(0).integers(0, 256, (2, 2, 64, 64, 3), dtype=np.uint8)
    assert scored(*noise)["psnr_wrapped"] > 25 > 10 > scored(*noise)["psnr"]


def test_grey_is_that_of_opencv() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (500, 500, 3), dtype=np.uint8)
    found = grey(torch.from_numpy(picture / 255).movedim(-1, 0))
    np.testing.assert_array_equal(found.numpy(), cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))


def test_equal_pictures() -> None:
    picture = torch.from_numpy(drawn()[0] / 255).movedim(-1, 1)
    assert psnr_wrapped(picture, picture).tolist() == [100] * 3
    assert l1_disco(picture, picture).tolist() == [0] * 3
    torch.testing.assert_close(ssim_disco(picture, picture), torch.ones(3, dtype=torch.float64))


def test_pixels_are_rounded_and_not_cut_off() -> None:
    every = torch.arange(256).float().div(127.5).sub(1)[None, None].expand(3, 1, 256)
    assert to_uint8(every)[0, :, 0].tolist() == list(range(256))
    assert (eight_bit(every) * 255).round()[0, 0].tolist() == list(range(256))
    between = torch.linspace(-1.1, 1.1, 4001)[None, None].expand(3, 1, 4001)
    found = (eight_bit(between) * 255).round().movedim(0, -1).numpy()
    np.testing.assert_array_equal(found, to_uint8(between))
    exact = ((between[0, 0].double().clamp(-1, 1) + 1) * 127.5).numpy()
    assert np.abs(found[0, :, 0] - exact).max() <= 0.5 + 1e-4


def test_both_ways_to_smooth_are_one() -> None:
    planes = torch.rand(3, 20, 31, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(smoothed_on_device(planes), smoothed_on_host(planes), rtol=1e-13, atol=1e-14)
