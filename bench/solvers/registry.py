"""The problems of the leaderboard: real tables in raw units, images, texts, and made ones.

Chosen before anything was timed, and to be hard in different ways: units that differ by orders of
magnitude, classes of two rows, classes that can be separated, full one-hot groups, long sparse
rows, k from 2 to 1000, C from 1e-4 to 1e4 - and ordinary, scaled data, on which every solver is
at its best.
"""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from problem import Problem
from scipy import sparse
from sklearn import datasets
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

Loaded = tuple[Any, NDArray[Any]]


def data() -> Path:
    """Return the folder of the real sets."""
    if "LUCE_DATA" not in os.environ:
        raise FileNotFoundError("LUCE_DATA must name the folder that holds tabular/, newsgroups20/")
    return Path(os.environ["LUCE_DATA"])


def cache() -> Path:
    """Return the folder in which optima and vectorised texts are kept."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("LUCE_BENCH_CACHE") or Path(home, "luce-bench"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def table(name: str, share: float = 1.0) -> Loaded:
    frame = pl.read_csv(data() / "tabular" / f"{name}.csv.gz", infer_schema_length=None)
    X = frame.drop("target").to_numpy().astype(np.float64)
    y = frame["target"].to_numpy()
    rows = np.random.default_rng(0).permutation(len(X))[: round(share * len(X))]
    return X[rows], y[rows]


def one_hot(name: str) -> Loaded:
    X, y = table(name)
    return OneHotEncoder(sparse_output=False).fit_transform(X), y


def scaled(loaded: Loaded) -> Loaded:
    return StandardScaler().fit_transform(loaded[0]), loaded[1]


def adult() -> Loaded:
    """Return raw numbers beside one-hot groups, as a practitioner would encode it."""
    X, y = table("adult")
    numbers = [0, 2, 4, 10, 11, 12]
    rest = np.setdiff1d(np.arange(X.shape[1]), numbers)
    groups = OneHotEncoder(sparse_output=False).fit_transform(X[:, rest])
    return np.column_stack([X[:, numbers], groups]), y


def fashion(rows: int, divisor: float) -> Loaded:
    folder = data() / "fashion_mnist"
    with gzip.open(folder / "train-images-idx3-ubyte.gz") as file:
        X = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)[:rows]
    with gzip.open(folder / "train-labels-idx1-ubyte.gz") as file:
        y = np.frombuffer(file.read(), np.uint8, offset=8)[:rows]
    return X.astype(np.float64) / divisor, y


def texts(name: str, **options: Any) -> Loaded:
    """Return tf-idf of a text set, kept in the cache: vectorising is not what is timed."""
    store = cache() / f"{name}-{'-'.join(f'{o}' for o in options.values())}.npz"
    if not store.exists():
        file = "authors50_train.csv.gz" if name == "chinese_poetry" else "train.csv.gz"
        frame = pl.read_csv(data() / name / file, has_header=False, infer_schema_length=0)
        label, title, body = (frame[column].fill_null("") for column in frame.columns)
        X = TfidfVectorizer(**options).fit_transform((title + "\n" + body).to_list()).tocsr()
        y = np.unique(label.to_numpy(), return_inverse=True)[1]
        temporary = store.with_suffix(".tmp.npz")
        np.savez(temporary, data=X.data, indices=X.indices, indptr=X.indptr, shape=X.shape, y=y)
        temporary.replace(store)
    with np.load(store) as held:
        X = sparse.csr_matrix((held["data"], held["indices"], held["indptr"]), tuple(held["shape"]))
        return X, held["y"]


def drawn(seed: int, X: Any, truth: NDArray[np.float64], shift: Any = 0.0) -> Loaded:
    """Return labels drawn from a softmax model."""
    z = np.asarray(X @ truth) + shift
    return X, (z + np.random.default_rng(seed).gumbel(size=z.shape)).argmax(axis=1)


def gaussian(n: int, d: int, k: int, signal: float = 1.0) -> Loaded:
    random = np.random.default_rng(n + d + k)
    return drawn(1, random.normal(size=(n, d)), signal * random.normal(size=(d, k)) / np.sqrt(d))


def bad_scales() -> Loaded:
    X, y = gaussian(5000, 40, 5, signal=3.0)
    random = np.random.default_rng(3)
    return X * 10 ** random.uniform(-3, 3, 40) + 10 ** random.uniform(-3, 3, 40), y


def nearly_separable() -> Loaded:
    X, y = gaussian(4000, 30, 4, signal=60.0)
    return X, y


def correlated() -> Loaded:
    random = np.random.default_rng(4)
    factors = random.normal(size=(6000, 12)) @ random.normal(size=(12, 60))
    X = factors + 0.003 * random.normal(size=factors.shape)
    return drawn(5, X, random.normal(size=(60, 8)) / 8)


def heavy_tails() -> Loaded:
    random = np.random.default_rng(6)
    X = random.standard_cauchy(size=(8000, 20))
    return drawn(7, X, 0.3 * random.normal(size=(20, 3)))


def rare_classes() -> Loaded:
    random = np.random.default_rng(8)
    X = random.normal(size=(20000, 24))
    shift = -2.0 * np.log(np.arange(1, 101))
    return drawn(9, X, 0.5 * random.normal(size=(24, 100)), shift)


def clicks() -> Loaded:
    """Return one-hot groups of a heavy-tailed vocabulary, two unequal classes, sparse."""
    random = np.random.default_rng(10)
    n, groups, size = 40000, 12, 500
    chosen = np.minimum(random.zipf(1.4, (n, groups)), size) - 1 + size * np.arange(groups)
    X = sparse.csr_matrix(
        (np.ones(n * groups), chosen.ravel(), np.arange(0, n * groups + 1, groups)),
        shape=(n, groups * size),
    )
    return drawn(11, X, 0.5 * random.normal(size=(groups * size, 2)), np.array([3.0, 0.0]))


def probe() -> Loaded:
    """Return embeddings of 1000 classes that overlap, 16 rows of each, in float32."""
    random = np.random.default_rng(12)
    n, d, k = 16000, 96, 1000
    centres = random.normal(size=(k // 10, 1, d)) + 0.7 * random.normal(size=(k // 10, 10, d))
    y = random.permutation(np.arange(n) % k)
    X = centres.reshape(k, d)[y] + 4.0 * random.normal(size=(n, d))
    return X.astype(np.float32), y


def bundled(name: str) -> Loaded:
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return X, y


def newsgroups() -> Loaded:
    return texts("newsgroups20", min_df=3, sublinear_tf=True)


def clinc() -> Loaded:
    return texts("clinc150", ngram_range=(1, 2), min_df=2, sublinear_tf=True)


def poetry() -> Loaded:
    return texts("chinese_poetry", analyzer="char", min_df=3, sublinear_tf=True)


Entry = tuple[str, float, Callable[[], Loaded]]

PROBLEMS: dict[str, Entry] = {
    # bundled with scikit-learn
    "iris": ("raw", 1.0, lambda: bundled("iris")),
    "iris C=1e4": ("raw", 1e4, lambda: bundled("iris")),
    "wine": ("raw", 1.0, lambda: bundled("wine")),
    "wine C=1e4": ("separable", 1e4, lambda: bundled("wine")),
    "breast cancer": ("raw, binary", 1.0, lambda: bundled("breast_cancer")),
    "breast cancer scaled": ("scaled, binary", 1.0, lambda: scaled(bundled("breast_cancer"))),
    "digits C=1e-4": ("raw", 1e-4, lambda: bundled("digits")),
    "digits": ("separable", 1.0, lambda: bundled("digits")),
    "digits C=1e4": ("separable", 1e4, lambda: bundled("digits")),
    # real tables
    "vowel C=100": ("raw", 100.0, lambda: table("vowel")),
    "yeast": ("raw", 1.0, lambda: table("yeast")),
    "yeast scaled C=1e-2": ("scaled", 1e-2, lambda: scaled(table("yeast"))),
    "vehicle": ("raw", 1.0, lambda: table("vehicle")),
    "segmentation": ("raw", 1.0, lambda: table("segmentation")),
    "wine quality": ("raw, rare classes", 1.0, lambda: table("wine_quality_white")),
    "wine quality, no penalty": ("raw, rare classes", np.inf, lambda: table("wine_quality_white")),
    "optdigits": ("raw", 1.0, lambda: table("optdigits")),
    "pendigits": ("raw", 1.0, lambda: table("pendigits")),
    "letter": ("raw", 1.0, lambda: table("letter")),
    "letter scaled C=0.01": ("scaled", 1e-2, lambda: scaled(table("letter"))),
    "nursery": ("one-hot, rare classes", 1.0, lambda: one_hot("nursery")),
    "connect-4": ("one-hot", 1.0, lambda: one_hot("connect_4")),
    "adult": ("raw and one-hot, binary", 1.0, adult),
    "shuttle": ("raw, rare classes", 1.0, lambda: table("shuttle")),
    "kddcup": ("raw, rare classes", 1.0, lambda: table("kddcup", 0.1)),
    # images and texts
    "fashion-mnist 10k bytes": ("raw", 1e-3, lambda: fashion(10000, 1.0)),
    "fashion-mnist 10k": ("scaled", 0.1, lambda: fashion(10000, 255.0)),
    "newsgroups": ("text", 1.0, newsgroups),
    "newsgroups C=100": ("text, separable", 100.0, newsgroups),
    "clinc150 C=10": ("text", 10.0, clinc),
    "chinese poets": ("text", 1.0, poetry),
    # made
    "bad scales": ("made, raw", 1.0, bad_scales),
    "nearly separable": ("made, separable", 1e4, nearly_separable),
    "gaussian": ("made, scaled", 1.0, lambda: gaussian(20000, 60, 7)),
    "few rows": ("made, separable", 1.0, lambda: gaussian(100, 1000, 10)),
    "correlated": ("made, correlated", 100.0, correlated),
    "heavy tails": ("made, raw", 1.0, heavy_tails),
    "rare classes": ("made, rare classes", 1.0, rare_classes),
    "clicks": ("made, one-hot, sparse", 1.0, clicks),
    "probe": ("made, 1000 classes", 1e-2, probe),
}
QUICK = ("iris", "wine", "breast cancer scaled", "vowel C=100", "yeast", "vehicle", "segmentation",
         "bad scales", "few rows", "gaussian")  # fmt: skip


def load(name: str) -> Problem:
    """Return a problem; its labels are 0..k-1."""
    kind, strength, read = PROBLEMS[name]
    X, y = read()
    labels = np.unique(y, return_inverse=True)[1].astype(np.int64)
    return Problem(name, kind, X if sparse.issparse(X) else np.ascontiguousarray(X), labels,
                   float(strength))  # fmt: skip


def stored(key: str) -> dict[str, Any] | None:
    """Return what the cache holds of a problem's optimum."""
    file = cache() / f"optimum-{key}.json"
    return json.loads(file.read_text()) if file.exists() else None


def store(key: str, optimum: dict[str, Any]) -> None:
    temporary = cache() / f"optimum-{key}.{os.getpid()}.tmp"
    temporary.write_text(json.dumps(optimum))
    temporary.replace(cache() / f"optimum-{key}.json")
