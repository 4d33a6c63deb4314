"""What Prometheus reads, through its own parser."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

pytestmark = pytest.mark.once


def samples(answer):
    assert answer.headers["content-type"].startswith("text/plain")
    families = text_string_to_metric_families(answer.body.decode())
    return {(s.name, *sorted(s.labels.items())): s.value for f in families for s in f.samples}


def test_requests_batches_and_refusals_are_counted(serving, runs, monkeypatch):
    with serving(runs["arrays"]) as wire:
        for _ in range(3):
            wire.post("/v1/predict", {"rows": [[1, 2, 3], [4, 5, 6]]})
        wire.post("/v1/predict", {})
        wire.ask("GET", "/a/path/of/no/route")
        monkeypatch.setattr(type(wire.api.batcher), "full", True)
        assert wire.post("/v1/predict", {"rows": [[1, 2, 3]]}).status == 503
        found = samples(wire.ask("GET", "/metrics"))
    assert found["luce_requests_total", ("route", "/v1/predict"), ("status", "200")] == 3
    assert found["luce_requests_total", ("route", "/v1/predict"), ("status", "422")] == 1
    assert found["luce_requests_total", ("route", "other"), ("status", "404")] == 1
    assert found["luce_batch_rows_sum",] == 6
    assert found["luce_turned_away_total",] == 1
    assert found["luce_waiting_requests",] == 0
    assert found["luce_request_seconds_count", ("route", "/v1/predict")] == 4
