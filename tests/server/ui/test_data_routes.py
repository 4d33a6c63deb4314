import time

import pytest

from luce.tasks import inspect_data

pytestmark = pytest.mark.once

LEAKY = "id,note,copy,y\n" + "".join(
    f"{i},remark number {i},{'ab'[i % 2]}!,{'ab'[i % 2]}\n" for i in range(40)
)


def test_all_data_are_listed(api, send):
    id = send("mine.csv", LEAKY).json()["id"]
    sources = api.get("/api/data").json()["sources"]
    sent = sources[0].pop("sent")
    assert sources[0] == {"id": id, "name": "mine.csv", "origin": "upload"}
    assert 0 <= time.time() - sent < 600
    digits = next(source for source in sources if source["id"] == "digits")
    assert (digits["rows"], digits["classes"], digits["origin"]) == (1797, 10, "named")


def test_a_table_is_described_as_luce_inspect_does(api, send, space):
    id = send("mine.csv", LEAKY).json()["id"]
    found = api.get(f"/api/data/{id}", params={"first": 5}).json()
    told = inspect_data(space.source(id).location)
    assert {name: found[name] for name in ("classes", "columns", "notes", "fingerprint")} == {
        name: told[name] for name in ("classes", "columns", "notes", "fingerprint")
    }
    columns = {column["column"]: column for column in found["columns"]}
    assert columns["copy"]["leaks"]
    assert not columns["id"]["leaks"]
    assert columns["note"]["kind"] == "text"
    assert len(found["first_rows"]) == 5
    assert found["name"] == "mine.csv"
    ignoring = {"ignore": ["copy", "id"], "text": ["note"], "target": "y"}
    without = api.get(f"/api/data/{id}", params=ignoring).json()
    assert [column["column"] for column in without["columns"]] == ["note"]
    assert without["columns"][0]["kind"] == "words"


def test_columns_are_told_where_nothing_else_can_be(api, send):
    id = send("t.csv", "a,b\n" + "".join(f"{i},{i * 0.37}\n" for i in range(50))).json()["id"]
    answer = api.get(f"/api/data/{id}")
    assert answer.status_code == 422
    assert "name the class of each row" in answer.json()["error"]["message"]
    tree = api.get(f"/api/data/{id}/columns").json()
    assert (tree["columns"], tree["target"]) == (["a", "b"], "b")
    tree = api.get("/api/data/digits/columns").json()
    assert (tree["columns"], tree["target"]) == ([], None)


def test_images_are_sent_as_pixels(api):
    found = api.get("/api/data/digits").json()
    assert len(found["images"]) == 40
    assert found["kind"] == "images"
    assert found["first_rows"] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/data/nothing", 404),
        ("/api/data/..%2f..%2fetc%2fpasswd", 404),
        ("/api/data/iris?target=wrong", 400),
        ("/api/data/iris?ignore=wrong", 422),
        ("/api/data/iris?first=many", 400),
        ("/api/data/iris?first=1000", 400),
    ],
)
def test_impossible_questions_are_refused(api, path, status):
    answer = api.get(path)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"type", "message"} or status == 404


def test_a_description_is_made_once(api, monkeypatch):
    from luce.tasks import inspection

    calls = []
    real = inspection.describe_data
    monkeypatch.setattr(
        inspection, "describe_data", lambda *args, **kw: calls.append(1) or real(*args, **kw)
    )
    for _ in range(3):
        assert api.get("/api/data/wine").status_code == 200
    assert calls == [1]


def test_a_file_without_a_header_is_doubted_and_read_so(api, send):
    rows = "5.5,7,a\n" + "".join(f"{i},{i % 5},{'ab'[i % 2]}\n" for i in range(40))
    id = send("rows.csv", rows).json()["id"]
    found = api.get(f"/api/data/{id}").json()
    assert (found["rows"], found["target"]) == (40, "a")
    assert "looks like" not in found["header_doubt"]
    assert "'5.5'" in found["header_doubt"]
    found = api.get(f"/api/data/{id}", params={"no_header": "1"}).json()
    assert (found["rows"], found["target"], found["header_doubt"]) == (41, "column_3", None)
    names = api.get(f"/api/data/{id}/columns", params={"no_header": "1"}).json()["columns"]
    assert names == ["column_1", "column_2", "column_3"]
    assert api.get(f"/api/data/{id}", params={"no_header": "yes"}).status_code == 400


def test_names_that_repeat_do_not_keep_a_file_from_being_read(api, send):
    id = send("rows.csv", "0,0,a\n" + "1,2,b\n3,1,a\n" * 20).json()["id"]
    assert api.get(f"/api/data/{id}/columns").status_code == 422
    assert api.get(f"/api/data/{id}", params={"no_header": "1"}).json()["rows"] == 41


def test_an_error_tells_its_type(api, send):
    id = send("mine.csv", LEAKY).json()["id"]
    for query in ({"target": "nothing"}, {"ignore": "nothing"}, {"text": "nothing"}):
        error = api.get(f"/api/data/{id}", params=query).json()["error"]
        assert error["type"] == "ColumnError"
    assert send("mine.docx", "x").json()["error"]["type"] == "UnknownKind"
    assert api.get("/api/data/nothing").json()["error"]["type"] == "UnknownId"
