"""The search finds good options, tells what it tried, and ends in time."""

import json
import tomllib

import numpy as np
import pytest

from luce.errors import ParameterError
from luce.tasks import training
from luce.tasks.options import TrainOptions
from luce.tasks.preparation import prepare, with_ngrams
from luce.tasks.training import train
from luce.tasks.trials import stratified_folds
from luce.tasks.tuning import tune

pytestmark = pytest.mark.once


def search(budget="1h", on_trial=None, **options):
    return tune(prepare(TrainOptions(data="wine", tune=budget, **options)), on_trial)[1]


def test_finds_better_options_and_is_the_same_every_time():
    found, again = search(), search()
    assert found.complete
    assert found.trials == again.trials
    losses = [trial.log_loss for trial in found.trials]
    best = found.trials[found.best]
    assert best.log_loss <= 1.001 * min(losses) < losses[0]
    assert (found.options.C, found.options.tune) == (best.options["C"], None)
    assert {trial.options["class_weight"] for trial in found.trials} == {None, "corrected"}
    assert {trial.options["label_smoothing"] for trial in found.trials} == {0.0, 0.05}
    pairs = [tuple(trial.options.values()) for trial in found.trials]
    assert len(set(pairs)) == len(pairs)


def test_with_no_time_the_options_given_are_tried_and_kept():
    found = search("0.000001s", C=3.0)
    assert not found.complete
    (trial,) = found.trials
    assert (trial.options["C"], found.options.C, found.best) == (3.0, 3.0, 0)


@pytest.mark.parametrize(
    ("given", "others"), [("words", ["pairs", "both", "pairs"]), ("pairs", ["words", "both"])]
)
def test_texts_are_tried_as_other_n_grams_and_trained_so(tmp_path, monkeypatch, given, others):
    read = []

    def reading(prepared, ngrams):
        read.append(ngrams)
        return with_ngrams(prepared, ngrams)

    monkeypatch.setattr("luce.tasks.trials.with_ngrams", reading)
    path = tmp_path / "moods.txt"
    random = np.random.default_rng(0)
    # Single words say nothing here: which of them comes first is all that counts.
    said = [["not good", "good not"][i % 2] for i in range(80)]
    filler = ["".join(random.choice(list("abcdefgh"), 4)) for _ in said]
    lines = [f"__label__{t.replace(' ', '-')} {t} {w}" for t, w in zip(said, filler, strict=True)]
    path.write_text("\n".join(lines))
    options = TrainOptions(data=str(path), tune="1h", ngrams=given, valid="0.25")
    trained = train(options, out=tmp_path / "run")
    assert trained.tuned is not None
    tried = [trial.options["ngrams"] for trial in trained.tuned.trials]
    assert tried[:3] == [given, *others[:2]]
    assert read == others  # not the given ones, nor the winner once more
    assert trained.tuned.options.ngrams == trained.model.encoding.ngrams == "pairs"
    assert tomllib.loads((trained.run / "config.toml").read_text())["ngrams"] == "pairs"
    assert trained.figures["accuracy"]["value"] == 1.0


@pytest.mark.parametrize("after", [1, 4])
def test_ctrl_c_ends_the_search_with_the_best_so_far(after):
    seen = []

    def interrupt(trial):
        seen.append(trial)
        if len(seen) == after:
            raise KeyboardInterrupt

    found = search(on_trial=interrupt)
    assert (len(found.trials), found.complete) == (after, False)
    assert found.trials[found.best].options["C"] == found.options.C


@pytest.mark.parametrize(
    ("score", "best"),
    [(lambda c: np.nan if c == 3 else -1.0, 1), (lambda c: np.nan if c < 9 else -np.inf, None)],
    ids=["only the first", "all"],
)
def test_losses_that_are_not_finite_are_no_reason_for_anything(monkeypatch, score, best):
    class Scored:
        interrupted_ = False

        def __init__(self, Cs, callbacks, **_):
            self.Cs, self.tell = Cs, callbacks[0]

        def fit(self, X, y):
            for c in self.Cs:
                self.tell({"C": c, "score": score(c), "standard_error": np.nan})

    monkeypatch.setattr("luce.tasks.tuning.SoftmaxRegressionCV", Scored)
    found = search(C=3.0)
    assert (found.complete, found.best) == (True, best)
    taken = 3.0 if best is None else found.trials[best].options["C"]
    assert taken == found.options.C
    first = found.to_json()["trials"][0]
    assert (first["log_loss"], first["standard_error"]) == (None, None)


def test_solvers_that_reach_no_optimum_are_refused():
    with pytest.raises(ParameterError, match="--tune needs a solver that reaches the optimum"):
        search(solver="adam")


def test_a_span_that_is_none_is_refused_before_anything_is_read():
    with pytest.raises(ParameterError, match="tune must be a span of time"):
        prepare(TrainOptions(data="no-such-file.csv", tune="soon"))


def test_the_run_folder_tells_of_the_search_and_repeats_its_winner(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "write_report", lambda run: None)
    done = train(TrainOptions(data="wine", tune="1h"), out=tmp_path / "run")
    told = json.loads((tmp_path / "run" / "tuning.json").read_text())
    config = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    assert len(told["trials"]) == len(done.tuned.trials)
    assert config["C"] == told["trials"][told["best"]]["C"] == done.tuned.options.C
    assert "tune" not in config
    assert done.model.metadata["options"]["C"] == config["C"]
    again = train(TrainOptions(**config), out=tmp_path / "again")
    np.testing.assert_array_equal(done.model.classifier.coef_, again.model.classifier.coef_)


def test_every_row_is_held_out_once_and_rare_classes_serve():
    labels = np.array(["a"] * 12 + ["b"] * 5 + ["c"])
    splits = stratified_folds(labels, 5, seed=3)
    held_out = np.concatenate([test for _, test in splits])
    np.testing.assert_array_equal(np.sort(held_out), np.arange(18))
    for train_rows, test_rows in splits:
        assert not set(train_rows) & set(test_rows)
        assert 2 <= np.count_nonzero(labels[test_rows] == "a") <= 3
        assert np.count_nonzero(labels[test_rows] == "b") == 1
    assert len(stratified_folds(labels[:3], 5, seed=0)) == 3
