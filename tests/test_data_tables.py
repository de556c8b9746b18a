"""Tables: what was written is read; one changed bit anywhere, or a cut, is noticed and the file is named."""

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.errors import InputError
from data.files.tables import read_frame, read_table, read_table_metadata, write_frame, write_table

TABLE = pa.table({"id": ["a", "b"], "crc32": pa.array([[1], [2, 3]], pa.list_(pa.uint32())), "x": [0.5, None]})
METADATA = {"mean": [0.123456789], "version": 2}


@pytest.fixture
def path(tmp_path):
    write_table(tmp_path / "table.parquet", [TABLE, TABLE], METADATA)
    return tmp_path / "table.parquet"


def test_tables_and_metadata_are_read_as_written(path):
    assert read_table(path).equals(pa.concat_tables([TABLE, TABLE]))
    assert read_table(path).schema.equals(TABLE.schema)
    assert read_table_metadata(path) == METADATA
    assert pq.read_table(path).equals(read_table(path))  # by any other reader of Parquet too


def test_frames_are_read_as_written(tmp_path):
    frame = pd.DataFrame({"track": ["a", "b"], "sdr": [5.2, float("nan")]})
    write_frame(tmp_path / "a.parquet", frame)
    pd.testing.assert_frame_equal(read_frame(tmp_path / "a.parquet"), frame)
    pd.testing.assert_frame_equal(read_frame(tmp_path / "a.parquet", ["sdr"]), frame[["sdr"]])


def test_the_same_table_is_the_same_bytes(path, tmp_path):
    write_table(tmp_path / "again.parquet", [TABLE, TABLE], METADATA)
    assert (tmp_path / "again.parquet").read_bytes() == path.read_bytes()


def test_one_flipped_bit_anywhere_is_noticed_and_named(path):
    whole, passed = path.read_bytes(), []
    for place in range(0, len(whole), 4):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        try:
            (read_table, read_table_metadata, read_frame)[place // 4 % 3](path)
            passed.append(f"byte {place} passed")
        except InputError as error:
            passed += [] if "table.parquet: damaged" in str(error) else [str(error)]
    assert passed == []


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_a_file_that_was_cut_is_noticed_and_named(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    for read in (read_table, read_table_metadata, read_frame):
        with pytest.raises(InputError, match=r"table.parquet: damaged"):
            read(path)


def test_tables_of_earlier_versions_without_the_checksum_are_read(tmp_path):
    path = tmp_path / "old.parquet"
    schema = TABLE.schema.with_metadata({"tessitura": '{"version": 1}'})
    with pq.ParquetWriter(path, schema, write_page_checksum=True) as writer:
        writer.write_table(TABLE.cast(schema))
    assert read_table(path).equals(TABLE)
    assert read_table_metadata(path) == {"version": 1}


def test_what_is_missing_or_no_table_of_ours_is_named(tmp_path):
    write_frame(tmp_path / "frame.parquet", pd.DataFrame({"a": [1]}))
    with pytest.raises(InputError, match=r"frame.parquet: damaged"):
        read_table_metadata(tmp_path / "frame.parquet")
    with pytest.raises(InputError, match=r"nothing.parquet: damaged \(.*No such file"):
        read_table(tmp_path / "nothing.parquet")
