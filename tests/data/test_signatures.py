import gzip
import io
import pickle
import zipfile

import numpy as np
import polars as pl
import pytest
from PIL import Image

from luce.data.signatures import real_type, require_text
from luce.errors import DataError


def made_by(write):
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def workbook(stream):
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")


FOREIGN = {
    "a zip archive or an Excel workbook": made_by(workbook),
    "a Parquet file": made_by(pl.DataFrame({"a": [1]}).write_parquet),
    "a gzip file": gzip.compress(b"a,b\n"),
    "a NumPy array": made_by(lambda stream: np.save(stream, np.eye(2))),
    "a PNG image": made_by(lambda stream: Image.new("L", (2, 2)).save(stream, "PNG")),
    "a JPEG image": made_by(lambda stream: Image.new("L", (2, 2)).save(stream, "JPEG")),
    "a pickle": pickle.dumps({"a": 1}),
    "text in UTF-16": "a,b\n1,2\n".encode("utf-16"),
    "an HTML page": b"\n<!DOCTYPE html><html>",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_names_what_a_file_really_is(name):
    assert real_type(FOREIGN[name]) == name
    with pytest.raises(DataError, match=name):
        require_text(FOREIGN[name], "a table", "table.csv")


def test_knows_utf_16_without_a_byte_order_mark():
    assert real_type("a,b\n1,2\n".encode("utf-16-le")) == "text in UTF-16"


@pytest.mark.parametrize("head", [b"", b"a", b"a,b\n1,2\n", "größe\n".encode(), b"\xef\xbb\xbfa\n"])
def test_takes_text_for_text(head):
    assert real_type(head) is None
    require_text(head, "a table", "table.csv")
