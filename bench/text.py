"""Texts: features against TfidfVectorizer, classifiers against scikit-learn's and fastText.

    LUCE_DATA=... python bench/text.py [NAME ...]      newsgroups20 clinc150 poets
    LUCE_DATA=... python bench/text.py --features      TextFeatures against TfidfVectorizer alone

All read the same CSV file and are judged on the same test rows. The defaults of luce are those of
`luce train`; they were chosen on parts of the training rows. fasttext, the program (Debian's
package fasttext), takes part where it is installed; the best of its settings by test accuracy is
given, which favours it. Ends with exit code 1 if a demand is missed. Up to 30 minutes.
"""

import argparse
import csv
import gzip
import os
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from section import Demand, show_figures, show_table, verdict
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import Pipeline, make_pipeline

from luce import SoftmaxRegression, TextFeatures, data, metrics
from luce.tasks.calibration import calibrate

DATA = Path(os.environ.get("LUCE_DATA", "../shared/data"))
FASTER, FIRST = 5.0, 2000  # texts for the slow n-grams of characters
C = 100.0  # of `luce train` for texts


class Corpus(NamedTuple):
    """A labelled set: its files, and the accuracy that is demanded."""

    name: str
    train: str
    test: str
    accuracy: float
    spaced: bool = True


CORPORA = {
    "newsgroups20": Corpus(
        "20 Newsgroups, by date", "newsgroups20/train", "newsgroups20/test", 0.85
    ),
    "clinc150": Corpus("CLINC150", "clinc150/train", "clinc150/test", 0.91),
    "poets": Corpus(
        "50 Chinese poets",
        "chinese_poetry/authors50_train",
        "chinese_poetry/authors50_test",
        0.60,
        spaced=False,
    ),
}
FEATURES: tuple[tuple[str, int | None, dict[str, Any]], ...] = (
    ("words", None, {}),
    ("words, 1 and 2", None, {"ngram_range": (1, 2), "sublinear_tf": True}),
    ("characters, 3", FIRST, {"analyzer": "char", "ngram_range": (3, 3)}),
    ("characters within words, 2 to 4", FIRST, {"analyzer": "char_wb", "ngram_range": (2, 4)}),
)
FASTTEXT = (
    ("-lr", "0.5", "-epoch", "25", "-wordNgrams", "2"),
    ("-lr", "1.0", "-epoch", "50", "-wordNgrams", "2"),
)
LETTERS = ("-lr", "0.5", "-epoch", "25", "-minn", "3", "-maxn", "5")  # where words have several


class Judged(NamedTuple):
    """One way from a file to probabilities."""

    name: str
    seconds: float
    accuracy: float
    log_loss: float
    calibration_error: float


def rows_of(part: str) -> tuple[list[str], list[str]]:
    csv.field_size_limit(1 << 30)
    with gzip.open(DATA / f"{part}.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    texts = ["\n".join(filter(None, row[1:])) for row in rows]
    return texts, [row[0] for row in rows]


def written(texts: list[str], labels: list[str], path: Path) -> None:
    pl.DataFrame({"text": texts, "label": labels}).write_csv(path)


def judged(name: str, seconds: float, p: Any, codes: Any, classes: list[str]) -> Judged:
    found = metrics.evaluate(codes, np.asarray(p, dtype=np.float64), classes)
    keys = ("accuracy", "log_loss", "calibration_error")
    return Judged(name, seconds, *(float(found[key]["value"]) for key in keys))


def by_luce(path: Path, texts: list[str]) -> tuple[float, Any]:
    start = time.perf_counter()
    dataset = data.load(path, target="label")
    encoding, encoded = data.learn_and_apply(dataset)
    labels = dataset.target.astype(str)
    model = SoftmaxRegression(C=C).fit(encoded.X, labels)
    calibration = calibrate("temperature", model, encoded.X, labels)
    seconds = time.perf_counter() - start
    new = encoding.apply(pl.DataFrame({"text": texts})).X
    return seconds, calibration.probabilities(model.decision_function(new))


def by_sklearn(make: Callable[[], Pipeline], path: Path, texts: list[str]) -> tuple[float, Any]:
    start = time.perf_counter()
    frame = pl.read_csv(path, schema_overrides={"label": pl.String})
    pipeline = make().fit(frame["text"].to_list(), frame["label"].to_list())
    return time.perf_counter() - start, pipeline.predict_proba(texts)


def pipelines(corpus: Corpus) -> dict[str, Callable[[], Pipeline]]:
    words = {"ngram_range": (1, 2), "min_df": 2, "sublinear_tf": True}
    if not corpus.spaced:  # its words are whole lines of a poem
        words |= {"analyzer": "char"}
    alone = {} if corpus.spaced else {"analyzer": "char"}

    def logistic(options: dict[str, Any], c: float) -> Callable[[], Pipeline]:
        return lambda: make_pipeline(TfidfVectorizer(**options), LogisticRegression(C=c))

    return {
        "scikit-learn, tf-idf, logistic (defaults)": logistic(alone, 1.0),
        "scikit-learn, 1 and 2 grams, logistic, C=10": logistic(words, 10.0),
        "scikit-learn, 1 and 2 grams, naive Bayes": lambda: make_pipeline(
            TfidfVectorizer(**words), MultinomialNB(alpha=0.01)
        ),
    }


def line(text: str, corpus: Corpus) -> str:
    return " ".join(text.split() if corpus.spaced else "".join(text.split()))


def by_fasttext(
    options: tuple[str, ...], corpus: Corpus, train: Any, texts: list[str], classes: list[str]
) -> tuple[float, Any]:
    with tempfile.TemporaryDirectory() as folder:
        lines = (f"__label__{y} {line(x.lower(), corpus)}\n" for x, y in zip(*train, strict=True))
        Path(folder, "train.txt").write_text("".join(lines), encoding="utf-8")
        new = "".join(f"{line(x.lower(), corpus)}\n" for x in texts)
        Path(folder, "test.txt").write_text(new, encoding="utf-8")
        start = time.perf_counter()
        command = ["fasttext", "supervised", "-input", "train.txt", "-output", "model"]
        threads = ("-thread", str(len(os.sched_getaffinity(0))), "-verbose", "0")
        subprocess.run([*command, *options, *threads], cwd=folder, check=True, capture_output=True)
        seconds = time.perf_counter() - start
        predict = ["fasttext", "predict-prob", "model.bin", "test.txt", str(len(classes))]
        said = subprocess.run(predict, cwd=folder, check=True, capture_output=True, text=True)
    p = np.full((len(texts), len(classes)), 1e-5)
    code = {f"__label__{name}": i for i, name in enumerate(classes)}
    for row, answer in enumerate(said.stdout.splitlines()):
        words = answer.split()
        for label, value in zip(words[::2], words[1::2], strict=True):
            p[row, code[label]] = max(float(value), 1e-5)
    return seconds, p / p.sum(axis=1, keepdims=True)  # what it prints may sum to more than 1


@contextmanager
def quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lbfgs tells that it has not converged
        yield


def compare(corpus: Corpus) -> tuple[list[Judged], list[Demand]]:
    train, (texts, labels) = rows_of(corpus.train), rows_of(corpus.test)
    classes = sorted(set(train[1]))
    codes = np.searchsorted(classes, labels)
    found = []
    with tempfile.TemporaryDirectory() as folder, quiet():
        path = Path(folder, "train.csv")
        written(*train, path)
        found.append(judged("luce, defaults", *by_luce(path, texts), codes, classes))
        for name, make in pipelines(corpus).items():
            found.append(judged(name, *by_sklearn(make, path, texts), codes, classes))
            print(found[-1], file=sys.stderr)
    if shutil.which("fasttext"):
        tried = [
            judged(
                f"fasttext {' '.join(o)}",
                *by_fasttext(o, corpus, train, texts, classes),
                codes,
                classes,
            )
            for o in (*FASTTEXT, *([LETTERS] if corpus.spaced else []))
        ]
        found.append(max(tried, key=lambda one: one.accuracy))
    ours, peers = found[0], [one for one in found if one.name.startswith("scikit")]
    print(f"\n**{corpus.name}**, {len(train[0]):,} texts to learn from, {len(texts):,} to judge\n")
    show_table(
        [
            {
                "": one.name,
                "from file to model": f"{one.seconds:.1f} s",
                "accuracy": f"{one.accuracy:.4f}",
                "log loss": f"{one.log_loss:.4f}",
                "calibration error": f"{one.calibration_error:.4f}",
            }
            for one in found
        ]
    )
    loss = min(peers, key=lambda one: one.log_loss)
    error = min(peers, key=lambda one: one.calibration_error)
    return found, [
        Demand(
            f"{corpus.name}: accuracy of at least {corpus.accuracy}",
            f"{ours.accuracy:.4f}",
            ours.accuracy >= corpus.accuracy,
        ),
        Demand(
            f"{corpus.name}: log loss not above the best of scikit-learn's",
            f"{ours.log_loss:.4f} against {loss.log_loss:.4f}, {loss.name}",
            ours.log_loss <= loss.log_loss,
        ),
        Demand(
            f"{corpus.name}: calibration error not above the best of scikit-learn's",
            f"{ours.calibration_error:.4f} against {error.calibration_error:.4f}, {error.name}",
            ours.calibration_error <= error.calibration_error,
        ),
    ]


def features(rounds: int = 2) -> list[Demand]:
    texts, _ = rows_of("newsgroups20/train")
    TextFeatures().fit(texts[:1])  # the tables of characters are made once a process
    rows, ratios = [], []
    for name, first, options in FEATURES:
        used = texts[:first]
        ours, theirs = [], []
        for _ in range(rounds):
            for times, kind in ((ours, TextFeatures), (theirs, TfidfVectorizer)):
                start = time.perf_counter()
                vectorizer = kind(**options)
                X = vectorizer.fit_transform(used)
                vocabulary = vectorizer.vocabulary_
                times.append(time.perf_counter() - start)
                if kind is TextFeatures:
                    expected, same = X, vocabulary
        X.sort_indices()
        assert vocabulary == same, name
        assert np.array_equal(X.indices, expected.indices), name
        np.testing.assert_allclose(X.data, expected.data, rtol=1e-12, atol=1e-12)
        ratios.append(min(theirs) / min(ours))
        rows.append(
            {
                "n-grams": name,
                "texts": f"{len(used):,}",
                "terms": f"{len(same):,}",
                "luce": f"{min(ours):.2f} s",
                "scikit-learn": f"{min(theirs):.2f} s",
                "times as fast": f"{ratios[-1]:.1f}",
            }
        )
    print(
        "`fit_transform` and `vocabulary_` on 20 Newsgroups: the same vocabulary, the same matrix"
    )
    print("to 1e-12. The shorter of two rounds, in turns.\n")
    show_table(rows)
    show_figures(features=f"{min(ratios):.1f}")
    promise = f"at least {FASTER:g} times as fast as TfidfVectorizer, with equal features"
    return [Demand(promise, f"{min(ratios):.1f} to {max(ratios):.1f}", min(ratios) >= FASTER)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(CORPORA))
    parser.add_argument("--features", action="store_true", help="compare the features instead")
    given = parser.parse_args()
    demands = features() if given.features else []
    if not given.features:
        for name in given.names or CORPORA:
            demands += compare(CORPORA[name])[1]
        if not shutil.which("fasttext"):
            print("\nfasttext is not installed, and took no part.")
    return verdict(demands)


if __name__ == "__main__":
    sys.exit(main())
