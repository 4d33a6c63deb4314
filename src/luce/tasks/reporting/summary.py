"""Section 1: how good the model is, against what needs no model, and what it was trained on."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from luce.tasks.reporting import markup
from luce.tasks.reporting.markup import NBSP, counted, number, percent
from luce.tasks.reporting.record import Outcome, Record

Interval = Mapping[str, float | None]


def lead(record: Outcome) -> str:
    """The outcome in one sentence."""
    figures = record.figures
    accuracy, baseline = figures["accuracy"], figures["baseline"]
    return (
        f"On {counted(figures['rows'], 'row')} that it has not seen, the model is right in"
        f" {percent(accuracy['value'])} of cases (95{NBSP}% interval {_range(accuracy, percent)})."
        f" Always answering “{baseline['class']}” would be right in"
        f" {percent(baseline['accuracy']['value'])}."
    )


def cards(record: Outcome) -> str:
    """The three figures of merit, each with its interval and the baseline beside it."""
    figures = record.figures
    baseline = figures["baseline"]
    loss, chance = figures["log_loss"]["value"], baseline["log_loss"]["value"]
    in_nats = partial(markup.fixed, digits=3 if loss >= 0.01 else 6)
    error = figures["calibration_error"]
    return markup.grid(
        [
            _card(
                "Accuracy", figures["accuracy"], percent, 1.0,
                f"majority class {percent(baseline['accuracy']['value'])}",
                baseline["accuracy"]["value"],
            ),
            _card(
                "Log loss", figures["log_loss"], in_nats, 1.1 * max(loss, chance, 1e-300),
                f"class shares alone {markup.fixed(chance, 3)}", chance,
            ),
            _card(
                "Calibration error", error, percent, max(0.1, 1.25 * (error["high"] or 0)),
                _calibration_words(error), None,
            ),
        ],
        "cards",
    )  # fmt: skip


def facts(record: Record) -> str:
    """Data, model, training, certificate, software."""
    metadata, config = record.model.metadata, record.config
    data, training = metadata["data"], metadata["training"]
    pairs = [
        ("Data", f"{data['name']}, {data['fingerprint'][:19]}…"),
        ("Target", str(data["target"] or "–")),
        ("Trained on", counted(data["rows"], "row")),
        ("Evaluated on", f"{counted(record.figures['rows'], 'row')} ({_held_out(config)})"),
        ("Model", _model(record)),
        ("Solver", _solver(record)),
        ("Certificate", certificate(training)),
        ("Calibration", _calibration(metadata.get("calibration"))),
        ("Made with", _software(record)),
    ]  # fmt: skip
    return markup.definitions(pairs)


def _calibration(facts: Mapping[str, Any] | None) -> str:
    if facts is None:
        return "none: the probabilities are those of the classifier"
    return (
        f"{facts['kind']}, learnt from {counted(facts['rows'], 'training row')} by models that had"
        " not seen them"
    )


def certificate(training: Mapping[str, Any]) -> str:
    """What is proven about the distance to the optimum, in words."""
    gap = training["gap"]
    if gap is None:
        return "none: solvers that go by minibatch prove nothing about the optimum"
    proven = (
        f"proven: the objective is at most {percent(gap, _digits(100 * gap))} above its optimum"
    )
    if training.get("interrupted"):
        return f"stopped early; {proven}"
    return proven if training["converged"] else f"not converged; {proven}"


def _digits(value: float) -> int:
    """Decimals that show the first two significant digits."""
    return next((digits for digits in range(1, 12) if value >= 10 ** (1 - digits)), 12)


def _card(
    name: str, figure: Interval, form: Any, top: float, comparison: str, mark: float | None
) -> str:
    low, high = figure["low"], figure["high"]
    if low is None or high is None:
        interval, bar = "no interval for a single row", ""
    else:
        interval = f"95{NBSP}% interval {_range(figure, form)}"
        bar = f'<span class="band" style="--from:{_at(low, top)};--to:{_at(high, top)}"></span>'
    bar += f'<span class="dot" style="--at:{_at(figure["value"], top)}"></span>'
    if mark is not None:
        bar += f'<span class="mark" style="--at:{_at(mark, top)}"></span>'
        comparison = f'<span class="key"></span>{comparison}'
    return (
        f'<div class="card"><h3>{name}</h3><p class="value">{form(figure["value"])}</p>'
        f'<p class="interval">{interval}</p><div class="bar" aria-hidden="true">{bar}</div>'
        f'<p class="baseline">{comparison}</p></div>'
    )


def _at(value: float | None, top: float) -> str:
    """Place on a bar that ends at ``top``."""
    return f"{100 * min(1.0, (value or 0.0) / top):.2f}%"


def _range(figure: Interval, form: Any) -> str:
    return f"{form(figure['low'])} to {form(figure['high'])}"


def _calibration_words(error: Interval) -> str:
    if error["low"] == 0:
        return "a calibrated model may show as much by chance"
    return "more than a calibrated model shows by chance"


def _held_out(config: Mapping[str, Any]) -> str:
    valid = config["valid"]
    if valid == "test":
        return "the standard test split"
    try:
        return f"held out, {percent(float(valid), 0)} of each class"
    except ValueError:
        return f"from {valid}"


def _model(record: Record) -> str:
    classes = counted(len(record.classes), "class", "classes")
    if record.model.network is None:
        return f"softmax regression, {counted(record.model.encoding.width, 'feature')}, {classes}"
    sizes = record.model.network.sizes
    return f"network with relu and softmax, {'–'.join(map(str, sizes))}"


def _solver(record: Record) -> str:
    config, training = record.config, record.model.metadata["training"]
    solver = record.model.metadata["options"].get("solver", config["solver"])  # not "auto"
    epochs = solver in ("sgd", "adam")
    steps = counted(training["n_iter"], "epoch" if epochs else "iteration")
    seconds = training.get("seconds")
    time = f" in {number(seconds, 2)}{NBSP}s" if seconds is not None else ""
    strength = f", C{NBSP}={NBSP}{config['C']:g}" if "C" in config else ""
    return f"{solver}{strength}, {steps}{time}"


def _software(record: Record) -> str:
    environment = record.environment
    parts = [f"luce {record.model.metadata['luce_version']}", f"Python {environment['python']}"]
    created = record.model.metadata["created"][:16].replace("T", " ")
    return ", ".join([*parts, environment["platform"], environment["simd"], created])
