"""POST /v1/predict gives what `luce predict` gives, to the last bit, in every form."""

import asyncio
import io
import json

import numpy as np
import pytest
from PIL import Image

from luce.server.api.app import Api
from luce.server.api.options import ServeOptions
from luce.tasks.options import TrainOptions
from luce.tasks.prediction import Layout, predict
from luce.tasks.training import train

pytestmark = pytest.mark.once

CSV = "colour,size,new,day\nblue,2,false,2024-01-05\nred,1.25,true,\n,,,\ngreen,1e3,1,2025-01-01\n"
JSONL = [
    {"size": 2, "colour": "blue", "new": False, "day": "2024-01-05"},
    {"size": 1.25, "colour": "red", "new": True, "day": None},
    {"size": 0.1, "colour": None, "new": None, "day": None, "more": "x"},
]


def lines(rows):
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def by_command(run, path, layout):
    """The bytes that ``luce predict`` writes for a file."""
    output = io.BytesIO()
    predict(run, str(path), output, layout)
    return output.getvalue()


def proba_of(jsonl):
    return [list(json.loads(line)["proba"].values()) for line in jsonl.splitlines()]


def test_csv_gives_the_bytes_of_the_command(serving, runs, tmp_path):
    (tmp_path / "new.csv").write_text(CSV)
    with serving(runs["table"]) as wire:
        for query, layout in (
            ("", Layout("csv", proba=True)),
            ("?proba=false", Layout("csv")),
            ("?top=2", Layout("csv", proba=True, top=2)),
        ):
            answer = wire.ask("POST", "/v1/predict" + query, CSV.encode(), content_type="text/csv")
            assert (answer.status, answer.headers["content-type"]) == (200, "text/csv")
            assert answer.body == by_command(runs["table"], tmp_path / "new.csv", layout)


def test_ndjson_and_json_give_the_numbers_of_the_command(serving, runs, tmp_path):
    (tmp_path / "new.jsonl").write_text(lines(JSONL))
    expected = by_command(runs["table"], tmp_path / "new.jsonl", Layout("jsonl", proba=True))
    with serving(runs["table"]) as wire:
        kind = "application/x-ndjson"
        answer = wire.ask("POST", "/v1/predict", lines(JSONL).encode(), content_type=kind)
        assert (answer.headers["content-type"], answer.body) == (kind, expected)
        answer = wire.post("/v1/predict", {"rows": JSONL}).json
    assert answer["probabilities"] == proba_of(expected)
    assert answer["classes"] == ["a", "b", "c & <c>"]
    assert answer["predictions"] == [
        json.loads(line)["prediction"] for line in expected.splitlines()
    ]


def test_images_as_numbers_and_as_files_give_the_numbers_of_the_command(serving, runs, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (9, 8, 8)).astype(np.uint8)
    np.save(tmp_path / "new.npy", pixels)
    Image.fromarray(pixels[0]).save(tmp_path / "one.png")
    layout = Layout("jsonl", proba=True)
    expected = proba_of(by_command(runs["images"], tmp_path / "new.npy", layout))
    with serving(runs["images"]) as wire:
        for rows in (pixels, pixels.reshape(9, -1), pixels.astype(float)):
            answer = wire.post("/v1/predict", {"rows": rows.tolist()})
            assert answer.json["probabilities"] == expected
        png = (tmp_path / "one.png").read_bytes()
        answer = wire.ask("POST", "/v1/predict", png, content_type="image/png")
        assert answer.json["probabilities"] == expected[:1]
        assert answer.json["probabilities"] == proba_of(
            by_command(runs["images"], tmp_path / "one.png", layout)
        )


def test_arrays_with_a_calibration_give_the_numbers_of_the_command(serving, runs, tmp_path):
    rows = np.random.default_rng(1).normal(size=(7, 3))
    np.save(tmp_path / "new.npy", rows)
    expected = proba_of(
        by_command(runs["arrays"], tmp_path / "new.npy", Layout("jsonl", proba=True))
    )
    with serving(runs["arrays"]) as wire:
        assert wire.post("/v1/predict", {"rows": rows.tolist()}).json["probabilities"] == expected
        alone = [wire.post("/v1/predict", {"rows": [row]}) for row in rows.tolist()]
        assert [one.json["probabilities"][0] for one in alone] == expected
        table = "x1,x2,x3\n" + "".join(f"{a!r},{b!r},{c!r}\n" for a, b, c in rows.tolist())
        answer = wire.ask("POST", "/v1/predict", table.encode(), content_type="text/csv")
        got = [
            [float(cell) for cell in line.split(",")[2:]]
            for line in answer.body.decode().split()[1:]
        ]
        assert got == expected


def test_texts_may_be_rows_by_themselves(serving, runs, tmp_path):
    texts = ["cats sleep", "a dog", "", "mixed cats and dogs bark"]
    (tmp_path / "new.txt").write_text("\n".join(texts) + "\n")
    expected = by_command(runs["texts"], tmp_path / "new.txt", Layout("jsonl", proba=True))
    with serving(runs["texts"]) as wire:
        for rows in (texts, [{"text": text} for text in texts]):
            answer = wire.post("/v1/predict", {"rows": rows}).json
            assert answer["probabilities"] == proba_of(expected)


def test_the_query_chooses_what_is_told(serving, runs):
    with serving(runs["arrays"]) as wire:
        tree = {"rows": [[1, 2, 3]]}
        whole = wire.post("/v1/predict", tree).json
        assert set(whole) == {"model", "predictions", "classes", "probabilities"}
        short = wire.post("/v1/predict?proba=0&top=1", tree).json
        assert set(short) == {"model", "predictions", "top"}
        assert short["top"] == [[{"class": True, "p": max(whole["probabilities"][0])}]]
        for query in ("top=3", "top=-1", "top=x", "top=1&top=1", "proba=2", "what=1", "top=%FF"):
            answer = wire.post(f"/v1/predict?{query}", tree)
            assert answer.status == 422, query


def test_a_long_request_is_one_answer(serving, runs):
    rows = np.random.default_rng(1).normal(size=(9000, 3)).tolist()
    with serving(runs["arrays"]) as wire:
        answer = wire.post("/v1/predict", {"rows": rows}).json
        assert len(answer["probabilities"]) == 9000
        alone = wire.post("/v1/predict", {"rows": rows[8500:8501]}).json
        assert alone["probabilities"][0] == answer["probabilities"][8500]


def test_the_other_routes_answer(serving, runs):
    with serving(runs["arrays"], name="mine") as wire:
        assert wire.ask("GET", "/healthz").json == {"alive": True}
        assert wire.ask("GET", "/readyz").json == {"ready": True, "model": "mine", "stale": False}
        assert wire.ask("POST", "/v1/echo", b"\0abc").body == b"\0abc"
        wire.api.end()
        assert wire.ask("GET", "/readyz").status == 503
        assert wire.ask("GET", "/v2/health/ready").status == 503
        assert wire.ask("GET", "/healthz").status == 200
        assert wire.post("/v1/predict", {"rows": [[1, 2, 3]]}).status == 200  # still answered


def test_a_model_of_rows_without_a_header_takes_such_rows(serving, tmp_path, monkeypatch):
    monkeypatch.setattr("luce.tasks.training.write_report", lambda run: None)
    rows = "".join(f"{'ab'[i % 2]},{i % 7},{'xyz'[i % 3]}\n" for i in range(60))
    (tmp_path / "rows.csv").write_text(rows)
    options = TrainOptions(data=str(tmp_path / "rows.csv"), no_header=True, target="column_1")
    run = train(options, out=tmp_path / "run").run
    expected = by_command(run, tmp_path / "rows.csv", Layout("csv", proba=True))
    bare = "".join(line.partition(",")[2] for line in rows.splitlines(keepends=True))
    with serving(run) as wire:
        for body in (rows, bare, f"column_2,column_3\n{bare}"):
            answer = wire.ask("POST", "/v1/predict", body.encode(), content_type="text/csv")
            assert (answer.status, answer.body) == (200, expected)
        answer = wire.ask("POST", "/v1/predict", b"1,2,3,4\n", content_type="text/csv")
        assert answer.status == 422
        one = wire.post("/v1/predict", {"rows": [{"column_2": 3, "column_3": "x"}]})
        assert one.status == 200


def test_a_task_that_is_cancelled_is_not_taken_for_a_client_that_has_gone(runs):
    scope = {
        **{"type": "http", "path": "/v1/predict", "method": "POST", "query_string": b""},
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }

    async def receive():
        return {"type": "http.request", "body": b'{"rows": [[1, 2, 3]]}'}

    async def cancelled():
        api = Api(ServeOptions(str(runs["arrays"])))
        api.batcher._busy = True  # as while a long batch is computed
        task = asyncio.create_task(api.app(scope, receive, None))
        async with asyncio.timeout(60):
            while not len(api.batcher):
                await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(api.batcher) == 0
        api.close()

    asyncio.run(cancelled())
