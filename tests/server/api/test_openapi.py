"""The description fits the server: schemathesis sends what it allows, and what it forbids."""

import json
import urllib.request

import pytest
from hypothesis import HealthCheck, settings

pytestmark = pytest.mark.once


@pytest.mark.parametrize("kind", ["arrays", "table", "texts", "images"])
def test_the_description_names_every_route(serving, runs, kind):
    with serving(runs[kind]) as wire:
        tree = wire.ask("GET", "/openapi.json").json
        assert set(tree["paths"]) == set(wire.api._routes)
        for path, operations in tree["paths"].items():
            assert {method.upper() for method in operations} == set(wire.api._routes[path])


def fuzz(wire, examples):
    """Send what schemathesis makes of the description to each route."""
    import schemathesis
    from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

    base = f"http://127.0.0.1:{wire.port}"
    with urllib.request.urlopen(f"{base}/openapi.json", timeout=20) as answer:
        tree = json.load(answer)
    schema = schemathesis.openapi.from_dict(tree)
    schema.config.update(base_url=base)
    count = 0
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        def run(case):
            nonlocal count
            count += 1
            # A CSV or tensor may have the right form and still not be rows of this model.
            told = case.media_type == "application/json" and case.path == "/v1/predict"
            excluded = [] if told else [negative_data_rejection, positive_data_acceptance]
            case.call_and_validate(excluded_checks=excluded)

        from hypothesis import given

        given(case=operation.as_strategy())(run)()
    return count


@pytest.mark.parametrize("kind", ["arrays", "table"])
def test_schemathesis_finds_nothing(serving, runs, kind):
    with serving(runs[kind]) as wire:
        assert fuzz(wire, 8) > 30


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["arrays", "table", "texts", "images"])
def test_schemathesis_finds_nothing_in_many_examples(serving, runs, kind):
    with serving(runs[kind]) as wire:
        assert fuzz(wire, 300) > 1000
