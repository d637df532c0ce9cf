"""Arrays come back as they were packed, their headers are parsed once, and what is no array is refused."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from humangen.data.arrays import compress_arrays, pack_arrays, unpack_arrays

ARRAYS = {
    "floats": np.random.default_rng(0).random((3, 128, 3), np.float32),
    "fortran": np.asfortranarray(np.arange(12, dtype=np.int64).reshape(3, 4)),
    "empty": np.zeros((0, 4), np.float32),
    "number": np.array(7),
    "flags": np.array([True, False]),
}


@pytest.mark.parametrize("pack", [pack_arrays, compress_arrays])
def test_arrays_come_back_as_they_were_and_may_be_written_to(pack) -> None:
    again = unpack_arrays(pack(**ARRAYS))
    assert again.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(again[name], array)
        assert (again[name].dtype, again[name].flags.writeable) == (array.dtype, True)


def test_equal_headers_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed, parse = [], np.lib.format.read_array_header_1_0
    monkeypatch.setattr(np.lib.format, "read_array_header_1_0", lambda stream: parsed.append(1) or parse(stream))
    for value in range(3):
        found = unpack_arrays(pack_arrays(values=np.full((5, 77), value, np.int16)))
        assert (found["values"] == value).all()
    assert len(parsed) == 1


def test_nothing_is_unpickled() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, values=np.array([{"a": 1}], object))
    with pytest.raises(ValueError, match="OBJECT"):
        unpack_arrays(buffer.getvalue())


@pytest.mark.parametrize(("damage", "message"), [
    (lambda array: array[:-4], "buffer size|reshape"),
    (lambda array: b"text" * 30, "magic string"),
    (lambda array: b"", "magic string"),
])  # fmt: skip
def test_an_array_that_is_none_is_refused(damage, message: str) -> None:
    whole, broken = io.BytesIO(), io.BytesIO()
    np.save(whole, ARRAYS["floats"])
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("values.npy", damage(whole.getvalue()))
    with pytest.raises(ValueError, match=message):
        unpack_arrays(broken.getvalue())
