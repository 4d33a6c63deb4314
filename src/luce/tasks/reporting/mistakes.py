"""Sections 3 to 5: where the model is wrong, how sure it is, and the rows themselves."""

import numpy as np
from numpy.typing import NDArray

from luce.tasks.reporting import figures, markup, pictures
from luce.tasks.reporting.feature_rows import mean_of, row_of
from luce.tasks.reporting.markup import NBSP, counted, number, percent, text
from luce.tasks.reporting.record import Outcome, Record

_MOST_COLUMNS = 16  # of a confusion matrix that can be read as a table
_MOST_CLASSES = 12  # of reliability diagrams side by side
_MOST_SCORES = 40
_STRIP, _MISTAKES, _PAIRS, _REASONS = 20, 10, 12, 3


def confusion(record: Outcome) -> str:
    """Which classes are taken for which: a table, or the most frequent pairs of many classes."""
    matrix = np.asarray(record.figures["confusion"])
    wrong = int(matrix.sum() - matrix.trace())
    if len(matrix) > _MOST_COLUMNS:
        return _pairs(matrix, record.classes)
    rows = [
        [text(name), *(_cell(int(n), i == j, int(line.sum())) for j, n in enumerate(line))]
        for i, (name, line) in enumerate(zip(record.classes, matrix, strict=True))
    ]
    head = ["true", *map(text, record.classes)]
    caption = (
        f"Confusion matrix: {counted(wrong, 'wrong answer')} of {matrix.sum():,}. Rows are the true"
        " classes, columns the answers; blue is right, orange is wrong, the stronger the larger the"
        f" share of the row. {_worst(matrix, record.classes)}"
    )
    return markup.figure(markup.table(head, rows, "confusion"), caption)


def _cell(count: int, right: bool, total: int) -> str:
    if count == 0:
        return '<td class="none">·</td>'
    return markup.tinted(f"{count:,}", (count / total) ** 0.5, "right" if right else "wrong")


def _worst(matrix: NDArray[np.int64], names: list[str]) -> str:
    off = matrix - np.diag(matrix.diagonal())
    if not off.any():
        return "No class is taken for another."
    true, answer = np.unravel_index(int(off.argmax()), off.shape)
    times = counted(int(off.max()), "time")
    return f"Most frequent: “{names[true]}” taken for “{names[answer]}”, {times}."


def _pairs(matrix: NDArray[np.int64], names: list[str]) -> str:
    off = (matrix - np.diag(matrix.diagonal())).ravel()
    order = np.argsort(-off, kind="stable")[:_PAIRS]
    support = matrix.sum(axis=1)
    rows = [
        [text(names[i]), text(names[j]), f"{matrix[i, j]:,}", percent(matrix[i, j] / support[i])]
        for i, j in (divmod(int(at), len(matrix)) for at in order if off[at] > 0)
    ]
    head = ["true class", "taken for", "rows", "share of the class"]
    caption = f"The most frequent confusions of {len(matrix)} classes."
    return markup.figure(markup.table(head, rows), caption)


def scores(record: Outcome) -> str:
    """Precision, recall and F1 of each class."""
    lines = record.figures["per_class"]
    shown = sorted(lines, key=lambda line: line["f1"] or 0)[:_MOST_SCORES]
    shown = lines if len(lines) <= _MOST_SCORES else shown
    rows = [
        [
            text(line["class"]),
            f"{line['support']:,}",
            percent(line["precision"]),
            percent(line["recall"]),
            _bar(line["f1"]),
        ]
        for line in shown
    ]
    caption = "Precision: share of the answers that are right. Recall: share of the class found."
    if len(shown) < len(lines):
        caption += f" The {len(shown)} classes with the lowest F1 of {len(lines)}."
    head = ["class", "rows", "precision", "recall", "F1"]
    return markup.figure(markup.table(head, rows, "scores"), caption)


def _bar(share: float | None) -> str:
    return f'<td class="meter" style="--share:{100 * (share or 0):.1f}%">{percent(share)}</td>'


def reliability(record: Outcome) -> str:
    """Stated probabilities against what happened, for the answer and for each class."""
    tree, error = record.figures["reliability"], record.figures["calibration_error"]
    label = (
        f"Reliability diagram of the answer: {counted(len(tree['top_label']), 'bin')};"
        f" calibration error {percent(error['value'])}"
    )
    caption = (
        "The answer's stated probability against the share of right answers, in bins of equally"
        " many rows, with 95 % intervals. On the dashed line a model means what it says; below, it"
        f" is too sure of itself. Mean distance: {percent(error['value'])}."
    )
    plain = record.figures.get("uncalibrated")
    if plain is not None:
        was = percent(plain["calibration_error"]["value"])
        label += f", {was} before the calibration"
        caption += f" Before the calibration (squares): {was}."
    bins = [] if plain is None else plain["reliability"]["top_label"]
    top = figures.reliability(tree["top_label"], label=label, before=bins)
    main = markup.figure(top, caption, details=_bins(tree["top_label"]))
    return f'<div class="reliability">{main}{_of_classes(record)}</div>'


def _of_classes(record: Outcome) -> str:
    by_class = record.figures["reliability"]["per_class"]
    support = {line["class"]: line["support"] for line in record.figures["per_class"]}
    names = sorted(by_class, key=lambda name: -support[name])[:_MOST_CLASSES]
    small = [
        markup.figure(
            figures.reliability(by_class[name], label=f"Reliability of class {name}", small=True),
            name,
        )
        for name in by_class
        if name in names
    ]
    caption = "The same for the probability of each class, in bins of a tenth."
    if len(names) < len(by_class):
        caption += f" The {len(names)} most frequent of {len(by_class)} classes."
    return f"<div>{markup.grid(small, 'minis')}{markup.paragraph(caption, 'caption')}</div>"


def _bins(bins: list[dict[str, float]]) -> str:
    head = ["stated, mean", "came true", f"95{NBSP}% interval", "rows"]
    rows = [
        [
            percent(b["confidence"]),
            percent(b["accuracy"]),
            f"{percent(b['accuracy_low'])} – {percent(b['accuracy_high'])}",
            f"{b['count']:,}",
        ]
        for b in bins
    ]
    return markup.table(head, rows, "numbers")


def strip(record: Record) -> str:
    """Test images, evenly chosen, each with its label and the answer; only for images."""
    count = min(_STRIP, len(record.predictions.rows))
    rows = np.linspace(0, len(record.predictions.rows) - 1, count).astype(np.intp)
    images = _images(record, rows)
    if not images:
        return ""
    right = int(record.predictions.right[rows].sum())
    caption = (
        f"{counted(count, 'test image')}, evenly chosen: true class / answer."
        f" {right} answers are right (✓), {count - right} wrong (✗)."
    )
    return markup.figure(markup.grid(images, "strip"), caption)


def confident(record: Record) -> str:
    """The wrong answers that the model was surest of."""
    rows = record.predictions.confident_mistakes()[:_MISTAKES]
    if len(rows) == 0:
        return markup.paragraph("There is no wrong answer among the evaluated rows.")
    images = _images(record, rows)
    if images:
        caption = "The wrong answers with the highest stated probability: true class / answer."
        return markup.figure(markup.grid(images, "strip"), caption)
    return _listed(record, rows)


def absence(record: Record) -> str:
    """Why the rows themselves are not shown, where they are not."""
    if record.evaluated is not None:
        return ""
    return markup.paragraph(f"The rows themselves are not shown. {record.absence}", "note")


def _images(record: Record, rows: NDArray[np.intp]) -> list[str]:
    """Pictures of these evaluated rows with what they are and what they were taken for."""
    dataset, predictions = record.evaluated, record.predictions
    if dataset is None or dataset.kind != "images":
        return []
    assert isinstance(dataset.features, np.ndarray)
    top = 255.0 if dataset.features.dtype == np.uint8 else float(dataset.features.max()) or 1.0
    return [
        _titled(
            pictures.photo(dataset.features[row], top, f"Row {predictions.rows[row]}"),
            record.classes[predictions.labels[row]],
            record.classes[predictions.answers[row]],
            float(predictions.confidence[row]),
        )
        for row in rows
    ]


def _titled(image: str, true: str, answer: str, confidence: float) -> str:
    kind, sign = ("right", "✓") if true == answer else ("wrong", "✗")
    return (
        f'<figure class="{kind}">{image}<figcaption>{text(true)} / <b>{text(answer)}'
        f"{NBSP}{sign}</b><small>{percent(confidence, 0)}</small></figcaption></figure>"
    )


def _listed(record: Record, rows: NDArray[np.intp]) -> str:
    """The mistakes as a table, with the features that spoke most for the wrong class."""
    predictions, classes = record.predictions, record.classes
    reasons = _reasons(record, rows)
    lines = [
        [
            f"{predictions.rows[row]:,}",
            text(classes[predictions.labels[row]]),
            f'<b class="wrong">{text(classes[predictions.answers[row]])}{NBSP}✗</b>',
            percent(float(predictions.confidence[row])),
            percent(float(predictions.proba[row, predictions.labels[row]])),
            *([reason] if reason else []),
        ]
        for row, reason in zip(rows, reasons, strict=True)
    ]
    head = ["row", "true", "answer", "stated", "for the true class"]
    caption = "The wrong answers with the highest stated probability."
    if any(reasons):
        head.append("what spoke for it")
        caption += (
            " What spoke for it: the features that moved the difference of the two logits most,"
            " compared with the mean of the evaluated rows, and by how much."
        )
    return markup.figure(markup.table(head, lines, "words"), caption)


def _reasons(record: Record, rows: NDArray[np.intp]) -> list[str]:
    """The features that favoured the answer over the label most: ``(w_a - w_y) (x - mean)``."""
    linear = record.model.linear
    if record.evaluated is None or linear is None:
        return [""] * len(rows)
    features = record.model.encoding.apply(record.evaluated.features).X  # (n, d)
    coef = class_rows(linear.coef_)  # (k, d)
    names, middle = record.model.encoding.feature_names, mean_of(features)
    reasons = []
    for row in rows:
        towards = coef[record.predictions.answers[row]] - coef[record.predictions.labels[row]]
        here = row_of(features, row)
        moved = towards * (here - middle)  # (d,)
        best = [i for i in np.argsort(-moved, kind="stable")[:_REASONS] if moved[i] > 0]
        reasons.append(
            "; ".join(
                f"{text(names[i])} = {number(float(here[i]))} (+{moved[i]:.1f})" for i in best
            )
        )
    return reasons


def class_rows(coef: NDArray[np.floating]) -> NDArray[np.floating]:
    """One row a class: where two classes share one row, it speaks for the second."""
    return coef if len(coef) > 1 else np.concatenate([np.zeros_like(coef), coef])
