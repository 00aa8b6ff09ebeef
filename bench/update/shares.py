"""Bytes over the air for an update as a share of the new image, for each of the ten pairs of firmware_pairs.py, in percent."""
import bz2
import functools
import json
import lzma
import pathlib
import subprocess
import tempfile

from firmware_pairs import PAIRS, build_pairs

NAMES = [pair[0] for pair in PAIRS]


def encoded_share(tool, *files):
    """By our encoding; the tool also decodes it again and fails if that is not the image."""
    sizes = json.loads(subprocess.run([tool, *files], check=True, capture_output=True, text=True).stdout)
    return 100 * sizes["encoded_bytes"] / sizes["bytes"]


def xz_bytes(data):
    return len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))


def bsdiff_bytes(old, new):
    """bsdiff's three streams without the bzip2 it packs them with, in one xz file: the shorter of what the two make of it."""
    with tempfile.TemporaryDirectory() as folder:
        patch = pathlib.Path(folder) / "patch"
        subprocess.run(["bsdiff", old, new, patch], check=True)
        packed = patch.read_bytes()
    return min(len(packed), xz_bytes(unpacked_patch(packed)))


def unpacked_patch(packed):
    """BSDIFF40 of bsdiff 4.3: magic, sizes of the first two bzip2 streams and of the new file, then three streams."""
    control, difference = (int.from_bytes(packed[at:at + 8], "little") for at in (8, 16))
    streams = (packed[32:32 + control], packed[32 + control:32 + control + difference], packed[32 + control + difference:])
    return b"".join(map(bz2.decompress, streams))


@functools.lru_cache
def shares(build):
    """{pair: {"delta": (ours, bsdiff and xz), "compressed": (ours, xz)}}"""
    tool = build / "bench/encoding_sizes"
    result = {}
    for name, _, old, new in build_pairs(build):
        size = new.stat().st_size
        result[name] = {"delta": (encoded_share(tool, new, old), 100 * bsdiff_bytes(old, new) / size),
                        "compressed": (encoded_share(tool, new), 100 * xz_bytes(new.read_bytes()) / size)}
    return result
