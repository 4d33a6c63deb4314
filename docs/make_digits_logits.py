"""Write the logits that the page Calibration bends: of a model of luce, on digits it has not seen.

Run `python docs/make_digits_logits.py` after changes of the estimator; a test compares the file.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from luce import SoftmaxRegression

FILE = Path(__file__).parents[1] / "src/luce/server/static/data/digits_logits.json"
C = 1e4  # hardly any penalty: the model is much too sure of itself


def digits_logits() -> dict[str, Any]:
    """Return labels and logits, in hundredths, of two thirds of the digits.

    The model has learnt from the other third. A constant added to a row changes nothing, so
    the mean of each row is taken away.
    """
    X, y = load_digits(return_X_y=True)
    X, unseen, y, labels = train_test_split(X / 16, y, train_size=1 / 3, random_state=0, stratify=y)
    model = SoftmaxRegression(C=C, tol=1e-10).fit(X, y)
    z = model.decision_function(unseen)
    hundredths = np.rint(100 * (z - z.mean(axis=1, keepdims=True))).astype(int)
    return {"classes": 10, "labels": labels.tolist(), "hundredths": hundredths.tolist()}


def as_text(found: dict[str, Any]) -> str:
    """Return the file's text, one row a line."""
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in found["hundredths"])
    labels = json.dumps(found["labels"], separators=(",", ":"))
    return f'{{"classes":{found["classes"]},"labels":{labels},\n"hundredths":[\n{rows}]}}\n'


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(as_text(digits_logits()))
