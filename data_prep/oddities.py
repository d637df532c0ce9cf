"""What is unusual about a picture's file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from humangen.media import PICTURE_SUFFIXES, has_alpha, open_picture

SUFFIXES = {"JPEG": {".jpg", ".jpeg"}, "MPO": {".jpg", ".jpeg"}, "PNG": {".png"}, "WEBP": {".webp"}, "BMP": {".bmp"}}
ORIENTATION = 0x0112  # the EXIF tag


@dataclass(frozen=True)
class Oddities:
    """`form` is PIL's name of the format; `repairs` say what reading changes in the pixels (see `decode_picture`),
    `misnamed` what is not as the file's name says; that changes nothing."""

    form: str
    repairs: list[str]
    misnamed: list[str]


def oddities(data: bytes, name: str) -> Oddities:
    """Of the bytes of a file; raises `InputError` where they are no picture."""
    with open_picture(data, name) as opened:
        form, mode = str(opened.format), opened.mode
        alpha = has_alpha(opened)
        turned = opened.getexif().get(ORIENTATION, 1) != 1
    deep = mode.startswith(("I", "F")) or (form == "PNG" and data[24] == 16)  # the bit depth of its header
    checks = {
        "alpha laid on white": alpha,
        "16 bits a channel brought to 8": deep,
        f"colours turned from {mode} to RGB": not (mode == "RGB" or alpha or deep),
        "turned upright by its EXIF tag": turned,
    }
    suffix = Path(name).suffix.lower()
    lies = suffix in PICTURE_SUFFIXES and suffix not in SUFFIXES.get(form, ())
    repairs = [repair for repair, needed in checks.items() if needed]
    return Oddities(form, repairs, [f"holds {form}, whatever its name says"] if lies else [])
