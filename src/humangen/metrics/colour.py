"""Colour differences as people see them: CIE L*a*b* of sRGB pictures, and CIEDE2000.

scikit-image has both, on the host and one picture at a time; these run where the frames are. The tests hold them
against scikit-image and against the pairs that Sharma et al. published.
"""

from __future__ import annotations

import torch
from torch import Tensor

# IEC 61966-2-1: linear sRGB to CIE XYZ under D65, 2 degree observer, and the white (1, 1, 1) there
TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
WHITE = (0.95047, 1.0, 1.08883)


def to_lab(pixels: Tensor) -> Tensor:
    """sRGB (P, 3) in [0, 1] to CIE L*a*b* (P, 3), float64; L* in [0, 100]."""
    pixels = pixels.double()
    linear = torch.where(pixels > 0.04045, ((pixels + 0.055) / 1.055) ** 2.4, pixels / 12.92)
    xyz = linear @ linear.new_tensor(TO_XYZ).T / linear.new_tensor(WHITE)
    x, y, z = torch.where(xyz > 0.008856, xyz.clamp(min=1e-12) ** (1 / 3), 7.787 * xyz + 16 / 116).unbind(-1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def ciede2000(one: Tensor, other: Tensor) -> Tensor:
    """CIEDE2000 (P,) of two lists of L*a*b* colours (P, 3), all weights 1; about 1 is just noticeable.

    Sharma, Wu, Dalal 2005, doi 10.1002/col.20070; the numbers of its equations stand beside them.
    """
    lightness, a, b = torch.stack([one, other]).double().unbind(-1)
    g = 0.5 * (1 - seventh(torch.hypot(a, b).mean(0)))  # 4
    a = a * (1 + g)  # 5
    chroma, hue = torch.hypot(a, b), torch.atan2(b, a).rad2deg() % 360  # 6, 7
    grey = chroma.prod(0) == 0
    turn = hue[1] - hue[0]
    turn = torch.where(turn > 180, turn - 360, torch.where(turn < -180, turn + 360, turn))  # 10
    turn = torch.where(grey, 0.0, turn)
    hue_step = 2 * chroma.prod(0).sqrt() * (turn / 2).deg2rad().sin()  # 11
    mean_hue = torch.where(grey, hue.sum(0), _mean_hue(hue))  # 14
    mean_lightness, mean_chroma = lightness.mean(0), chroma.mean(0)  # 12, 13
    depth = (mean_lightness - 50) ** 2
    steps = (
        (lightness[1] - lightness[0]) / (1 + 0.015 * depth / (20 + depth).sqrt()),  # 8, 18
        (chroma[1] - chroma[0]) / (1 + 0.045 * mean_chroma),  # 9, 19
        hue_step / (1 + 0.015 * mean_chroma * _hue_weight(mean_hue)),  # 20
    )
    bend = (2 * 30 * torch.exp(-(((mean_hue - 275) / 25) ** 2))).deg2rad().sin()  # 16
    rotation = -2 * seventh(mean_chroma) * bend  # 17, 21
    squared = torch.stack(steps).square().sum(0) + rotation * steps[1] * steps[2]  # 22
    return squared.clamp(min=0).sqrt()


def seventh(chroma: Tensor) -> Tensor:
    """sqrt(C^7 / (C^7 + 25^7)), which separates greyish from full colours."""
    power = chroma**7
    return (power / (power + 25.0**7)).sqrt()


def _mean_hue(hue: Tensor) -> Tensor:
    """The middle (P,) of two hues (2, P) in degrees, on the shorter way round."""
    total = hue.sum(0)
    far = (hue[0] - hue[1]).abs() > 180
    return torch.where(far, torch.where(total < 360, total + 360, total - 360), total) / 2


def _hue_weight(hue: Tensor) -> Tensor:
    """Equation 15: how large a step of hue looks around a hue in degrees."""
    waves = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    return 1 + torch.stack([size * (times * hue + shift).deg2rad().cos() for size, times, shift in waves]).sum(0)
