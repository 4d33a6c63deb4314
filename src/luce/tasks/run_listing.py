"""What can be said of a run at a glance, also of one that is still under way."""

import json
import tomllib
from pathlib import Path
from typing import Any

from luce import storage
from luce.errors import LuceError
from luce.tasks import runs

STATES = ("running", "finished", "stopped", "failed")
_FIGURES = ("rows", "accuracy", "log_loss", "calibration_error", "baseline")


def describe_run(run: Path) -> dict[str, Any]:
    """Return state, options and figures of a run as a JSON tree; whatever is missing is None.

    ``state`` is

    - ``"running"``: a process is writing it,
    - ``"finished"``: the training came to its end and was evaluated,
    - ``"stopped"``: it was interrupted, and has the best model until then,
    - ``"failed"``: it ended without a model.
    """
    figures = _json(run / runs.EVALUATION)
    metadata = _metadata(run / runs.MODEL)
    training = metadata.get("training")
    return {
        "state": _state(run, figures, training),
        "options": _options(run / runs.CONFIG),
        "figures": {name: figures[name] for name in _FIGURES if name in figures} or None,
        "training": training,
        "data": metadata.get("data"),
        "estimator": metadata.get("estimator"),
        "created": metadata.get("created"),
        "has_report": (run / runs.REPORT).is_file(),
        "has_model": bool(metadata),
    }


def _state(run: Path, figures: dict[str, Any], training: dict[str, Any] | None) -> str:
    if runs.is_running(run):
        return "running"
    if training is None:  # a module of one's own has figures, and no model file
        return "finished" if figures else "failed"
    return "stopped" if training["interrupted"] or not figures else "finished"


def _options(path: Path) -> dict[str, Any]:
    """The options of a run; a module of one's own has other ones, which are shown as they are."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _json(path: Path) -> dict[str, Any]:
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return tree if isinstance(tree, dict) else {}


def _metadata(path: Path) -> dict[str, Any]:
    try:
        return storage.read_metadata(path)
    except LuceError:
        return {}
