"""The scores of DisCo's evaluation, which human animation copied: odd, and kept so that its tables can be read.

They are for the protocol that names them, and not comparable with the correct ones of the same name in `image`.
Pictures are float (..., 3, H, W) in [0, 1] of whole levels of 1/255; each score is one value (...,) per picture.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

WINDOW = 7


def levels(pictures: Tensor) -> Tensor:
    """The numbers 0..255 of the pixels, int32."""
    return (pictures * 255).round().int()


def grey(pictures: Tensor) -> Tensor:
    """Grey levels (..., H, W), whole numbers 0..255 as float64: BT.601 in OpenCV's fixed point of 15 bits."""
    red, green, blue = levels(pictures).unbind(-3)
    return ((9798 * red + 19235 * green + 3735 * blue + (1 << 14)) >> 15).double()


def ssim_disco(prediction: Tensor, truth: Tensor) -> Tensor:
    """Similarity of grey pictures, as scikit-image's default: plain window of 7x7, sample covariance, no border."""
    one, other = (grey(picture).reshape(-1, 1, *picture.shape[-2:]) for picture in (prediction, truth))
    mean_one, mean_other, mean_squares, mean_product = window_means(
        torch.cat([one, other, one.square() + other.square(), one * other], 1)
    ).unbind(1)
    squares, product = mean_one.square() + mean_other.square(), mean_one * mean_other
    sample = WINDOW**2 / (WINDOW**2 - 1)
    small, smaller = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    shape = (2 * sample * (mean_product - product) + smaller) / (sample * (mean_squares - squares) + smaller)
    values = (2 * product + small) / (squares + small) * shape
    return values.mean((-2, -1)).reshape(prediction.shape[:-3])


def window_means(maps: Tensor) -> Tensor:
    """Means over all whole windows of maps (..., H, W) of whole numbers: from running sums, which are exact here."""
    sums = pad(maps.cumsum(-1).cumsum(-2), (1, 0, 1, 0))
    down = sums[..., WINDOW:, :] - sums[..., :-WINDOW, :]
    return (down[..., WINDOW:] - down[..., :-WINDOW]) / WINDOW**2


def l1_disco(prediction: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error in levels 0..255, divided by the number of pixels once more: 1e-4 or so, and four times
    smaller when the same pictures are twice as large."""
    height, width = prediction.shape[-2:]
    return (levels(prediction) - levels(truth)).abs().double().mean((-3, -2, -1)) / (height * width)


def psnr_wrapped(prediction: Tensor, truth: Tensor) -> Tensor:
    """Decibels as published until 2024: differences and their squares are uint8, and wrap around at 256.

    It ranks nothing: two different people score 29 dB. Only for the column that old tables have.
    """
    wrapped = (levels(prediction) - levels(truth)).square() & 255
    error = wrapped.double().mean((-3, -2, -1))
    return torch.where(error == 0, 100.0, 20 * (255 / error.clamp(min=1e-12).sqrt()).log10())
