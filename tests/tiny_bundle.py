"""Writes TensorFlow checkpoint bundles in the real format: a LevelDB table of protobuf messages, a file of values."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

TYPES = {"float32": 1, "int64": 9}


def write_bundle(folder: Path, variables: Mapping[str, np.ndarray], entries: int = 5) -> Path:
    """Write model.index, with a few entries a block, and model.data-00000-of-00001."""
    items, values = [("", field(1, 1) + field(3, field(1, 1)))], b""
    for name, one in sorted(variables.items()):
        shape = b"".join(field(2, field(1, size)) for size in one.shape)
        message = field(1, TYPES[str(one.dtype)]) + field(2, shape)
        if values:
            message += field(4, len(values))  # protobuf leaves out zeros
        message += field(5, one.nbytes) + varint(6 << 3 | 5) + masked(one.tobytes()).to_bytes(4, "little")
        items.append((name, message))
        values += one.tobytes()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.index").write_bytes(table([(key.encode(), value) for key, value in items], entries))
    (folder / "model.data-00000-of-00001").write_bytes(values)
    return folder


def archive(folder: Path, path: Path) -> Path:
    """Pack the files of a folder as a .tar.gz."""
    with tarfile.open(path, "w:gz", format=tarfile.USTAR_FORMAT) as file:
        for one in sorted(folder.iterdir()):
            info = tarfile.TarInfo(f"./{one.name}")
            info.size = one.stat().st_size
            file.addfile(info, io.BytesIO(one.read_bytes()))
    return path


def table(items: list[tuple[bytes, bytes]], entries: int) -> bytes:
    """Return a LevelDB table: blocks, an empty block of metadata, the block of blocks, the footer."""
    content, places = b"", []
    for begin in range(0, len(items), entries):
        some = items[begin : begin + entries]
        content, place = appended(content, some)
        places.append((some[-1][0], place))
    content, nothing = appended(content, [])
    content, top = appended(content, places)
    return content + (nothing + top).ljust(40, b"\0") + (0xDB4775248B80FB57).to_bytes(8, "little")


def appended(content: bytes, items: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    """Return the table with a block more, and the place of that block."""
    block, before = b"", b""
    restarts = [0]
    for number, (key, value) in enumerate(items):
        shared = 0
        if number and number % 3 == 0:
            restarts.append(len(block))  # a key in full, to search from
        elif number:
            shared = next((at for at, (a, b) in enumerate(zip(key, before, strict=False)) if a != b), len(before))
            shared = min(shared, len(key))
        block += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    block += b"".join(one.to_bytes(4, "little") for one in [*restarts, len(restarts)])
    place = varint(len(content)) + varint(len(block))
    return content + block + b"\0" + masked(block + b"\0").to_bytes(4, "little"), place


def field(number: int, value: int | bytes) -> bytes:
    """Return a field of a protobuf message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def varint(value: int) -> bytes:
    """Return an integer in 7 bits a byte, lowest first."""
    found = b""
    while value >= 0x80:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def masked(content: bytes) -> int:
    """Return the masked CRC-32C of some bytes, by polynomial division, bit by bit."""
    rest = 0xFFFFFFFF
    for byte in content:
        rest ^= byte
        for _ in range(8):
            rest = rest >> 1 ^ (0x82F63B78 * (rest & 1))
    checksum = rest ^ 0xFFFFFFFF
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def spleeter_variables(filters: tuple[int, ...], seed: int = 0) -> dict[str, np.ndarray]:
    """Return random variables of Spleeter's 2 stems under TensorFlow's names; the norms keep the levels."""
    draw = np.random.default_rng(seed)
    found: dict[str, np.ndarray] = {"global_step": np.array(3, np.int64)}
    sizes = (*filters[-2::-1], 1)
    for unet in range(2):
        down = [(5, 5, before, after) for before, after in zip((2, *filters[:-1]), filters, strict=True)]
        up = [
            (5, 5, after, before)
            for before, after in zip((filters[-1], *(2 * one for one in sizes[:-1])), sizes, strict=True)
        ]
        layers = {
            "conv2d": (7, [*down, (4, 4, 1, 2)], 3),
            "conv2d_transpose": (6, up, 2),
        }
        for kind, (count, shapes, out) in layers.items():
            for number, shape in enumerate(shapes, count * unet):
                place = f"{kind}_{number}" if number else kind
                fan = np.prod(shape) / shape[out]
                found[f"{place}/kernel"] = draw.normal(0, fan**-0.5, shape).astype(np.float32)
                found[f"{place}/bias"] = draw.normal(0, 0.1, shape[out]).astype(np.float32)
        for number, size in enumerate((*filters, *sizes), 12 * unet):
            place = f"batch_normalization_{number}" if number else "batch_normalization"
            for end, low, high in (("gamma", 0.5, 1.5), ("moving_variance", 0.5, 1.5), ("beta", -0.2, 0.2)):
                found[f"{place}/{end}"] = draw.uniform(low, high, size).astype(np.float32)
            found[f"{place}/moving_mean"] = draw.uniform(-0.2, 0.2, size).astype(np.float32)
    return found
