import getpass
import json
import platform
from pathlib import Path

from luce import kernels
from luce.tasks.doctor import diagnose
from luce.tasks.environment import environment, versions


def test_the_environment_is_json_without_names_of_hosts_and_users():
    text = json.dumps(environment())
    assert versions(("numpy",))["numpy"] in text
    if len(platform.node()) > 3:
        assert platform.node() not in text
    if len(getpass.getuser()) > 3:
        assert getpass.getuser() not in text


def test_a_healthy_installation_is_told_so():
    found = diagnose()
    assert found["healthy"]
    assert all(found["self_test"].values())
    assert found["kernels"]["simd"] in found["kernels"]["available"]


def test_a_kernel_that_computes_wrongly_is_found(monkeypatch):
    *passed, last = kernels.self_test()
    monkeypatch.setattr(kernels, "self_test", lambda: [*passed, last._replace(passed=False)])
    assert not diagnose()["healthy"]


def test_the_reason_for_the_twin_names_no_path(monkeypatch):
    folder = str(Path(kernels.__file__).parent)
    described = kernels.describe() | {"twin_reason": f"no _native in {folder}/__init__.py"}
    monkeypatch.setattr(kernels, "describe", lambda: described)
    reason = diagnose()["kernels"]["twin_reason"]
    assert reason == "no _native in luce/kernels/__init__.py"
