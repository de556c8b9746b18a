"""Archives are read by our own rules: regular files, whole, and nothing else."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from data.files.archive import BadArchive, members


def write(path: Path, *entries: tarfile.TarInfo | tuple[str, bytes], form: int = tarfile.USTAR_FORMAT) -> Path:
    with tarfile.open(path, "w:gz", format=form) as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
                continue
            info = tarfile.TarInfo(entry[0])
            info.size = len(entry[1])
            archive.addfile(info, io.BytesIO(entry[1]))
    return path


def special(name: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_and_contents_come_in_order(tmp_path, form):
    path = write(tmp_path / "a.tar.gz", special("d", tarfile.DIRTYPE), ("d/a", b"x" * 700), ("d/b", b""), form=form)
    assert [(one.name, one.stream.read()) for one in members(path)] == [("d/a", b"x" * 700), ("d/b", b"")]


def test_long_posix_names_keep_their_prefix(tmp_path):
    name = "/".join(["folder" * 10] * 2 + ["file.wav"])
    assert [one.name for one in members(write(tmp_path / "a.tar.gz", (name, b"x")))] == [name]


def test_what_is_not_read_is_skipped(tmp_path):
    path = write(tmp_path / "a.tar.gz", ("a", b"a" * 5000), ("b", b"b"))
    found = []
    for one in members(path):
        found.append((one.name, one.size, one.stream.read(3)))
    assert found == [("a", 5000, b"aaa"), ("b", 1, b"b")]


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE],
)
def test_links_and_devices_are_refused(tmp_path, kind):
    with pytest.raises(BadArchive, match="'evil' is no regular file"):
        list(members(write(tmp_path / "a.tar.gz", special("evil", kind))))


@pytest.mark.parametrize(
    ("form", "message"), [(tarfile.GNU_FORMAT, "is no regular file"), (tarfile.PAX_FORMAT, "repack with tar")]
)
def test_a_name_too_long_for_the_header_is_refused(tmp_path, form, message):
    path = write(tmp_path / "a.tar.gz", ("x" * 200, b"x"), form=form)
    with pytest.raises(BadArchive, match=message):
        list(members(path))


def test_an_extended_header_that_only_refines_times_is_skipped(tmp_path):
    info = tarfile.TarInfo("a")
    info.mtime = 1.5
    assert [one.name for one in members(write(tmp_path / "a.tar.gz", info, form=tarfile.PAX_FORMAT))] == ["a"]


def test_every_truncation_is_noticed(tmp_path):
    whole = write(tmp_path / "a.tar.gz", *[(f"{number}", bytes(range(256)) * 40) for number in range(20)])
    content = whole.read_bytes()
    cut = tmp_path / "cut.tar.gz"
    for length in [0, 5, 30, *range(50, len(content), len(content) // 15), len(content) - 1]:
        cut.write_bytes(content[:length])
        with pytest.raises(BadArchive, match=r"cut\.tar\.gz: .*(damaged|cut off)"):
            list(members(cut))


def test_a_tar_cut_between_two_members_is_noticed(tmp_path):
    raw = gzip.decompress(write(tmp_path / "a.tar.gz", ("a", b"x" * 512), ("b", b"y" * 512)).read_bytes())
    (tmp_path / "b.tar.gz").write_bytes(gzip.compress(raw[:1024]))
    with pytest.raises(BadArchive, match="cut off between two members"):
        list(members(tmp_path / "b.tar.gz"))


def test_a_flipped_bit_is_noticed(tmp_path):
    path = write(tmp_path / "a.tar.gz", ("a", bytes(range(256)) * 40))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(BadArchive):
        list(members(path))


def test_a_gzip_of_something_else_is_refused(tmp_path):
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(b"<html>" * 200))
    with pytest.raises(BadArchive, match="no TAR inside"):
        list(members(tmp_path / "a.tar.gz"))


def test_a_negative_size_is_refused(tmp_path):
    """Python reads "-1" as a number, and a stream reads a negative size as "all"."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        info = tarfile.TarInfo("a.wav")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"abcd"))
    header = bytearray(plain.getvalue()[:512])
    header[124:136] = b"-0000000001\0"
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header):06o}\0 ".encode()
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(bytes(header) + plain.getvalue()[512:]))
    with pytest.raises(BadArchive, match="no TAR"):
        [one.stream.read() for one in members(path)]
