"""Run folders made by hand: a model of scikit-learn's, and files as luce train leaves them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import tomli_w
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from luce import data, metrics
from luce.storage import save_model
from luce.tasks.spreadsheet import neutralised

ITERATIONS = [
    {"iteration": i, "objective": 0.2 + 2 * 0.6**i, "gap": 5.0 * 0.45**i, "gradient_norm": 0.5**i,
     "seconds": 0.01 * i}
    for i in range(16)
]  # fmt: skip
EPOCHS = [
    {"epoch": i, "train_loss": 0.3 + 1 / i, "train_accuracy": 0.9 - 0.3 / i,
     "valid_loss": 0.4 + 1 / i, "valid_accuracy": 0.88 - 0.3 / i, "learning_rate": 0.1 / i,
     "seconds": 0.2 * i}
    for i in range(1, 21)
]  # fmt: skip


def make_run(
    folder: Path,
    source: str,
    *,
    history: list[dict[str, Any]] = ITERATIONS,
    **config: Any,
) -> Path:
    """Train on three rows of four, evaluate on the fourth, and write all files but the report."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = data.load(source, target=config.get("target"))
    held_out = np.arange(len(whole)) % 4 == 3
    train, test = whole.take(np.flatnonzero(~held_out)), whole.take(np.flatnonzero(held_out))
    encoding = data.learn_encoding(train)
    scaler, fitted = _fit(encoding.apply(train.features).X, train.target)
    classes = fitted.classes_.tolist()
    names = [str(c) for c in classes] if whole.class_names is None else list(whole.class_names)
    X = encoding.apply(test.features).X
    proba = fitted.predict_proba(scaler.transform(X))
    labels = np.searchsorted(fitted.classes_, test.target)
    figures = metrics.evaluate(labels, proba, names)
    coef = fitted.coef_ / scaler.scale_
    tensors = {"coef": coef, "intercept": fitted.intercept_ - coef @ scaler.mean_}
    kinds = {"i": "int", "O": "str", "U": "str", "b": "bool", "f": "float"}
    metadata = {
        "format": "luce-model",
        "version": 1,
        "luce_version": "0.1.0",
        "created": "2026-11-21T01:30:00+00:00",
        "estimator": "SoftmaxRegression",
        "classes": {"kind": kinds[fitted.classes_.dtype.kind], "values": classes},
        "class_names": None if whole.class_names is None else names,
        "encoding": encoding.to_json(),
        "options": {},
        "data": {"name": whole.name, "fingerprint": whole.fingerprint, "rows": len(train),
                 "target": whole.target_name},
        "metrics": {},
        "training": {"n_iter": 15, "gap": 3.1e-5, "converged": True, "interrupted": False,
                     "seconds": 0.16},
    }  # fmt: skip
    save_model(folder / "model.safetensors", tensors, metadata)
    options = {"data": source, "valid": "0.25", "solver": "auto", "C": 1.0, "tol": 1e-4} | config
    (folder / "config.toml").write_text(tomli_w.dumps(options))
    (folder / "eval.json").write_text(json.dumps(figures))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(e) + "\n" for e in history))
    (folder / "environment.json").write_text(json.dumps(ENVIRONMENT))
    _write_predictions(folder, np.flatnonzero(held_out), labels, proba, names)
    return folder


ENVIRONMENT = {"luce": "0.1.0", "python": "3.11.9", "platform": "Linux x86_64", "simd": "avx2"}


def _fit(X: Any, y: Any) -> tuple[StandardScaler, LogisticRegression]:
    """Fitted on float64, for a constant column has a scale of 1 there."""
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    pipeline.fit(np.asarray(X, np.float64), y.astype(str) if y.dtype == object else y)
    return pipeline[0], pipeline[1]


def _write_predictions(folder: Path, rows: Any, labels: Any, proba: Any, names: list[str]) -> None:
    texts = np.asarray([neutralised(name) for name in names], dtype=object)
    columns = {"row": rows, "label": texts[labels], "prediction": texts[proba.argmax(axis=1)]}
    columns |= {f"p({name})": proba[:, code] for code, name in enumerate(texts)}
    pl.DataFrame(columns).write_csv(folder / "predictions.csv")
