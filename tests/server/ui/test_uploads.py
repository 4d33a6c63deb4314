"""Files from the browser, friendly and hostile."""

import gzip
import io
import stat
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from luce.server.ui import archives
from luce.server.ui.uploads import word_of

pytestmark = pytest.mark.once

TABLE = "x,y\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(20))


def png(side=3, value=0):
    out = io.BytesIO()
    Image.fromarray(np.full((side, side), value, np.uint8)).save(out, "PNG")
    return out.getvalue()


def zipped(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


IMAGES = [(f"photos/{name}/{i}.png", png(3, i)) for name in ("cat", "dog") for i in range(3)]


def files_of(space):
    return sorted(path.name for path in space.private.rglob("*") if path.is_file())


def test_a_table_is_kept_under_a_word_of_its_name(send, space, api):
    answer = send("../../My Büro (1).CSV.gz", gzip.compress(TABLE.encode()))
    assert answer.status_code == 201
    id = answer.json()["id"]
    assert answer.json()["name"] == "../../My Büro (1).CSV.gz"
    assert files_of(space) == ["my-b-ro-1.csv.gz"]
    assert space.source(id).location == str(space.private / id / "my-b-ro-1.csv.gz")
    described = api.get(f"/api/data/{id}").json()
    assert (described["rows"], described["target"], described["origin"]) == (20, "y", "upload")
    assert api.delete(f"/api/uploads/{id}").status_code == 204
    assert files_of(space) == []
    assert api.get(f"/api/data/{id}").status_code == 404


@pytest.mark.parametrize(
    ("name", "word"),
    [("con", "data"), ("..", "data"), ("a/b\\c d", "c-d"), ("x" * 99, "x" * 40), ("", "data")],
)
def test_words_are_harmless(name, word):
    assert word_of(name) == word


def test_a_zip_of_class_folders_becomes_images(send, space, api):
    members = [*IMAGES, ("photos/readme.txt", b"hi"), ("__MACOSX/cat/._0.png", b"x")]
    answer = send("photos.zip", zipped(members))
    assert answer.status_code == 201, answer.text
    assert files_of(space) == [f"{n:06d}.png" for n in range(1, 7)]
    found = api.get(f"/api/data/{answer.json()['id']}").json()
    assert [entry["class"] for entry in found["classes"]] == ["cat", "dog"]
    assert found["shape"] == [3, 3]
    assert len(found["images"]) == 6


def test_idx_images_wait_for_their_labels(send, space, api):
    images = b"\0\0\x08\x03" + struct.pack(">3I", 4, 2, 2) + bytes(range(16))
    labels = b"\0\0\x08\x01" + struct.pack(">I", 4) + bytes([0, 1, 0, 1])
    id = send("train-images-idx3-ubyte", images).json()["id"]
    refused = api.get(f"/api/data/{id}")
    assert refused.status_code == 422
    assert "labels" in refused.json()["error"]["message"]
    answer = send("train-labels-idx1-ubyte", labels, beside=id)
    assert (answer.status_code, answer.json()["id"]) == (201, id)
    assert files_of(space) == ["images-idx3-ubyte", "labels-idx1-ubyte"]
    assert api.get(f"/api/data/{id}").json()["class_count"] == 2
    assert send("train-labels-idx1-ubyte", labels).status_code == 404
    table = send("t.csv", TABLE).json()["id"]
    assert send("labels-idx1", labels, beside=table).status_code == 400


def symbolic_link():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("cat/1.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return out.getvalue()


def huge_image():
    """A PNG whose header claims 100,000 x 100,000 pixels."""
    data = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + data
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )


def encrypted():
    content = bytearray(zipped(IMAGES))
    for at in range(len(content) - 4):
        if content[at : at + 4] == b"PK\x01\x02":
            content[at + 8] |= 1
    return bytes(content)


def many_names():
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 60_000, 60_000, 40 << 20, 0, 0)
    return b"PK\x03\x04" + bytes(100) + end


HOSTILE = {
    "traversal": ("t.zip", zipped([("../../cat/1.png", png()), ("dog/2.png", png())]), 422),
    "absolute": ("t.zip", zipped([("/cat/1.png", png())]), 422),
    "drive": ("t.zip", zipped([("C:/cat/1.png", png())]), 422),
    "backslash": ("t.zip", zipped([("..\\cat\\1.png", png())]), 422),
    "reserved": ("t.zip", zipped([("con/1.png", png()), ("dog/2.png", png())]), 422),
    "link": ("t.zip", symbolic_link(), 422),
    "encrypted": ("t.zip", encrypted(), 422),
    "no images": ("t.zip", zipped([("a/b.txt", b"x")]), 422),
    "not a zip": ("t.zip", b"PK\x03\x04 nothing of the kind", 422),
    "cut zip": ("t.zip", zipped(IMAGES)[:-30], 422),
    "broken image": ("t.zip", zipped([("cat/1.png", b"no image"), ("dog/2.png", png())]), 422),
    "pixel bomb": ("t.zip", zipped([("cat/1.png", huge_image()), ("dog/2.png", png())]), 422),
    "many names": ("t.zip", many_names(), 413),
    "many names in npz": ("t.npz", many_names(), 413),
    "deeper folders": ("t.zip", zipped([*IMAGES, ("photos/cat/more/1.png", png())]), 422),
    "truncated gzip": ("t.csv.gz", gzip.compress(TABLE.encode() * 50)[:-12], 422),
    "no gzip": ("t.csv.gz", TABLE.encode(), 422),
    "gzip bomb": ("t.csv.gz", gzip.compress(bytes(300 << 20), 9), 422),
    "too large": ("t.csv", b"x" * 2_000_001, 413),
    "nothing": ("t.csv", b"", 400),
    "program": ("run.exe", b"MZ", 415),
    "pickle": ("model.pkl", b"\x80\x04", 415),
    "no name": ("", b"x", 400),
    "long name": ("x" * 300 + ".csv", b"x", 400),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused_and_leave_nothing(send, space, api, case):
    name, content, status = HOSTILE[case]
    answer = send(name, content)
    assert answer.status_code == status, answer.text
    message = answer.json()["error"]["message"]
    assert str(space.private) not in message
    assert files_of(space) == []
    assert list(space.private.iterdir()) == []
    assert [s for s in api.get("/api/data").json()["sources"] if s["origin"] == "upload"] == []


def test_an_archive_that_unpacks_to_too_much_is_stopped(send, space, monkeypatch):
    large = zipped([("cat/1.png", bytes(100_000)), ("dog/2.png", png())])
    monkeypatch.setattr(archives, "MOST_IMAGE_BYTES", 99_999)
    assert send("t.zip", large).status_code == 413
    monkeypatch.setattr(archives, "MOST_BYTES", 50_000)
    assert send("t.zip", large).status_code == 413
    lying = bytearray(large)
    for at in range(len(lying) - 4):  # it claims that the image unpacks to 9 bytes
        if lying[at : at + 4] == b"PK\x01\x02" and lying[at + 46 : at + 49] == b"cat":
            lying[at + 24 : at + 28] = struct.pack("<L", 9)
    assert send("t.zip", bytes(lying)).status_code == 422
    assert files_of(space) == []


@pytest.mark.parametrize(
    "name", ["../1.png", "../../cat/1.png", "./1.png", "/cat/1.png", "a/..\\b.png", "cat./1.png"]
)
def test_names_that_lead_elsewhere_are_told_as_such(send, name):
    answer = send("t.zip", zipped([(name, png()), ("dog/2.png", png())]))
    assert answer.status_code == 422
    assert "might lead out of the archive" in answer.json()["error"]["message"]


def test_links_are_told_as_such(send):
    assert "a link or a device" in send("t.zip", symbolic_link()).json()["error"]["message"]


def test_what_comes_without_a_length_is_counted_too(send, space):
    assert send("t.csv", iter([b"x" * 10**6] * 3)).status_code == 413
    statuses = [send("t.csv", iter([b"x" * 950_000] * 2)).status_code for _ in range(3)]
    assert statuses == [201, 201, 507]
    assert len(files_of(space)) == 2


BAD_TABLES = {
    "bad UTF-8": (b"x,y\n1,\xff\xfe\n", "UTF-8"),
    "NUL": (b"x,y\n1,a\0\n2,b\n", "NUL"),
    "uneven": (b"x,y\n1,a\n2\n", "fields"),
    "no rows": (b"x,y\n", "rows"),
    "one class": (b"x,y\n1,a\n2,a\n", "two classes"),
    "a workbook": (b"PK\x03\x04rest", "Excel"),
    "wide": (",".join(f"c{i}" for i in range(100_000)).encode() + b"\n", "10,000 columns"),
    "an open quotation": (b'x,y\n1,"a\n', "closed"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_tables_are_told_with_the_users_own_name(send, space, api, case):
    content, told = BAD_TABLES[case]
    id = send("mine.csv", content).json()["id"]
    answer = api.get(f"/api/data/{id}")
    assert answer.status_code == 422
    message = answer.json()["error"]["message"]
    assert told in message
    assert "mine.csv" in message
    assert str(space.private) not in message


def test_all_files_together_have_a_limit(send):
    content = b"x" * 1_900_000
    statuses = [send(f"{n}.csv", content).status_code for n in range(4)]
    assert statuses == [201, 201, 507, 507]


def test_a_form_is_not_a_file(api):
    answer = api.post("/api/uploads?name=t.csv", files={"file": b"x"})
    assert answer.status_code == 415


def test_what_is_not_sent_to_its_end_is_removed(space, run):
    from starlette.requests import ClientDisconnect, Request

    from luce.server.ui.uploads import _Uploads

    parts = iter(
        [{"type": "http.request", "body": b"x,y", "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive():
        return next(parts)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/uploads",
        "headers": [(b"content-type", b"application/octet-stream")],
        "query_string": b"name=t.csv",
    }
    with pytest.raises(ClientDisconnect):
        run(_Uploads(space, 100, 100).create, Request(scope, receive))
    assert list(space.private.iterdir()) == []
