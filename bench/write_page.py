"""Write ``docs/benchmarks.md`` from what the bench scripts print, and figures into the READMEs.

    python bench/write_page.py              measure everything: up to three hours
    python bench/write_page.py NAME ...     measure these; the other sections stay as they are
    python bench/write_page.py --fill       measure nothing; bring the pages up to date

The page itself is the store: a section holds what its script has printed, where and when. In a
README, ``<!-- NAME.FIGURE -->1.0<!-- / -->`` is a place that is filled with a figure of a section.
A script that ends without a verdict leaves its section as it was. Ends with exit code 1 if a
demand is missed.
"""

import argparse
import json
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from section import FIGURES

BENCH = Path(__file__).parent
PAGE = BENCH.parent / "docs" / "benchmarks.md"
READMES = (BENCH.parent / "README.md", BENCH.parent / "README.zh-CN.md")
PLACE = re.compile(r"<!-- (\w+)\.(\w+) -->(.*?)<!-- / -->")
UNMEASURED = "–"
PACKAGES = ("numpy", "scipy", "scikit-learn")

HEAD = """# Benchmarks

Each section is what a script in `bench/` has printed, put here by `python bench/write_page.py`:
no figure is typed by hand. Where luce is compared, both sides get the same arrays in the same run
and take turns, and medians are given. A script ends with an error if a demand is missed; a demand
that is missed is printed here, too.

How accurate the functions are is measured in [accuracy.md](accuracy.md), by `bench/accuracy.py`.
"""


class Section(NamedTuple):
    """A section of the page, and the command that measures it."""

    title: str
    command: tuple[str, ...]
    about: str


SECTIONS = {
    "clean_clone": Section(
        "From a clone to a report",
        ("clean_clone.py",),
        "`make demo` in a fresh clone, with a C++ compiler and without one.",
    ),
    "fashion_mnist": Section(
        "Fashion-MNIST with the defaults",
        ("fashion_mnist.py",),
        "60,000 images, 784 pixels, 10 classes: luce's `SoftmaxRegression()` and scikit-learn's\n"
        "`LogisticRegression()`, both minimising the same function.",
    ),
    "fashion_mlp": Section(
        "A network, and a smaller one that it teaches",
        ("fashion_mlp.py",),
        "Fashion-MNIST with `luce.nn`: the classical 784-128-10, its calibration, and students of\n"
        "a convolutional teacher; [training.md](training.md) tells how.",
    ),
    "raw_tables": Section(
        "Tables in raw units",
        ("raw_tables.py", "--cap", "100"),
        "Real tables as they come, no scaling: how long until the same objective is reached?\n"
        "scikit-learn is stopped after the cap; a longer one can only raise the ratio.",
    ),
    "classifiers": Section(
        "Four ways to many classes",
        ("classifiers.py",),
        "Softmax, one-vs-rest, one-vs-one and the generative twins on the same tables and splits:\n"
        "[classifiers.md](classifiers.md) tells what they are.",
    ),
    "calibration": Section(
        "Honest probabilities",
        ("calibration.py",),
        "The stated probabilities of the defaults on standard test rows, before and after\n"
        "`--calibrate`; conformal sets; questions out of scope; time beside scikit-learn's\n"
        "`CalibratedClassifierCV`.",
    ),
    "sparse_coefficients": Section(
        "Coefficients that are zero",
        ("sparse_coefficients.py",),
        "Lasso and elastic net on scaled tables: luce with its defaults until its gap is proven,\n"
        "scikit-learn's saga until it has the same objective.",
    ),
    "path": Section(
        "A path of C with ten folds",
        ("path.py", "--cap", "20"),
        "`SoftmaxRegressionCV`: 110 minima, counted in single fits; approximate leave-one-out;\n"
        "and scikit-learn's `LogisticRegressionCV`. [choosing_C.md](choosing_C.md) tells how.",
    ),
    "oracle_calls": Section(
        "Passes over the rows",
        ("oracle_calls.py",),
        "How often loss and gradient are computed until the optimum is near: counts, no times.",
    ),
    "leaderboard": Section(
        "The multinomial leaderboard",
        ("solvers/leaderboard.py",),
        "Forty problems - raw units, rare classes, separable ones, one-hot groups, texts, up to\n"
        "1000 classes - and who reaches the optimum, in what time, and who says so: luce,\n"
        "scikit-learn's five solvers, and the peers that are installed. Optima are certified to\n"
        "1e-9.",
    ),
    "probe": Section(
        "A linear probe in ImageNet's shape",
        ("probe.py",),
        "128,000 made embeddings of 512 columns in float32, 1000 classes that overlap.",
    ),
    "probe_full": Section(
        "The same probe with all rows of ImageNet's number",
        ("probe.py", "--full"),
        "As many made embeddings as ImageNet has pictures, in a file that is mapped into memory\n"
        "and read as a stream, once, with luce alone. Where other work ran beside it, half of the\n"
        "processor time is what two cores would have taken.",
    ),
    "out_of_core": Section(
        "Out of core",
        ("out_of_core.py", "--formats", "parquet", "--scratch"),
        "`SoftmaxRegression.fit` on a stream that is read again in every pass, in a process of\n"
        "its own; [out_of_core.md](out_of_core.md) tells how few passes are enough.",
    ),
    "softmax_speed": Section(
        "The softmax itself",
        ("softmax_speed.py",),
        "`luce.softmax` on float32, along the last and the first axis, into a fresh array and\n"
        "into `out=`; then `logsumexp` and `cross_entropy_grad`. [kernels.md](kernels.md) tells\n"
        "what makes them fast and what limits them.",
    ),
    "linear_cross_entropy": Section(
        "A linear layer and its cross-entropy",
        ("linear_cross_entropy.py", "--huge"),
        "`luce.losses.linear_cross_entropy_grad` never holds all logits: what does it cost beside\n"
        "the three matrix products that there is no way around, and beside PyTorch?",
    ),
    "language_model": Section(
        "A language model with 30,000 words",
        ("language_model.py",),
        "An LSTM of width 200 on 47 novels: adaptive, hierarchical and sampled heads\n"
        "([nn.md](nn.md)) against the full softmax, in the same time and on the same text. All\n"
        "perplexities are exact.",
    ),
    "nn_linear_cross_entropy": Section(
        "The linear loss in PyTorch",
        ("nn_linear_cross_entropy.py",),
        "`luce.nn.functional.linear_cross_entropy`, the loss of linear heads ([nn.md](nn.md)),\n"
        "beside the plain graph of PyTorch and its own fused loss: time, memory, errors.",
    ),
    "nn_functional": Section(
        "Softmax and cross-entropy in PyTorch",
        ("nn_functional.py",),
        "`luce.nn.functional` beside `torch.nn.functional` on the CPU in eager mode, float32.",
    ),
    "gpu": Section(
        "On a GPU",
        ("gpu.py",),
        "The Triton kernels of `luce.nn` ([nn.md](nn.md)) as a share of the bandwidth of a copy,\n"
        "and the fused linear loss beside three bare matrix products.",
    ),
    "nn_heads": Section(
        "Output layers in PyTorch",
        ("nn_heads.py",),
        "Every head of `luce.nn` ([nn.md](nn.md)) at one shape: parameters, memory, and the time\n"
        "of a training step and of the top 10 beside PyTorch's plain layer; and `PHMLinear`.",
    ),
    "nn_sharded": Section(
        "Classes split over processes",
        ("nn_sharded.py",),
        "`ShardedSoftmax` on two processes of one machine, under torchrun: is everything that of\n"
        "one process, and what does a process hold?",
    ),
    "ten_million_classes": Section(
        "Ten million classes",
        ("ten_million_classes.py",),
        "Training an output layer of ten million classes and width 64 on this machine, with\n"
        "`SampledSoftmax` and `MarginSoftmax` ([nn.md](nn.md)): time of a step, peak memory.",
    ),
    "text_features": Section(
        "Features of texts",
        ("text.py", "--features"),
        "`TextFeatures` and `TfidfVectorizer` with the same options ([text.md](text.md)).",
    ),
    "text_newsgroups20": Section(
        "Texts: 20 Newsgroups",
        ("text.py", "newsgroups20"),
        "From a file to a model, and its probabilities on test rows: `luce train`'s defaults for\n"
        "texts, pipelines of scikit-learn, and Debian's fasttext ([text.md](text.md)).",
    ),
    "text_clinc150": Section(
        "Texts: CLINC150",
        ("text.py", "clinc150"),
        "The same with short questions of 150 kinds.",
    ),
    "text_poets": Section(
        "Texts: 50 Chinese poets",
        ("text.py", "poets"),
        "The same with poems: who wrote them?",
    ),
    "inference": Section(
        "Standard errors",
        ("inference.py",),
        "`luce.inference` and statsmodels' `MNLogit` on the same rows, no penalty: time of fit\n"
        "and covariance, and how far the standard errors are apart ([inference.md](inference.md)).",
    ),
    "serve": Section(
        "A model over HTTP",
        ("serve.py",),
        "`luce serve` with two workers, clients on the same two cores ([serve.md](serve.md)): wrk\n"
        "with as many clients as keep it busy, with ten times as many, and with clients that\n"
        "pause at random, so that half as many requests come.",
    ),
    "kill_while_training": Section(
        "Killed while training and saving",
        ("kill_while_saving.py", "--train"),
        "A process trains on digits and saves, in a loop, until SIGKILL at a random moment.",
    ),
    "kill_while_saving": Section(
        "Killed while saving",
        ("kill_while_saving.py",),
        "The same with large models and no training, so that nearly every kill lands in a save.",
    ),
    "startup_time": Section(
        "Start-up",
        ("startup_time.py",),
        "New processes that take turns, median of 15.",
    ),
    "pages": Section(
        "The pages of luce ui",
        ("pages.py",),
        "In Debian's Chromium without a graphics card, through a real server; [ui.md](ui.md)\n"
        "tells what they are.",
    ),
}


def marks(name: str) -> tuple[str, str]:
    return f"<!-- section {name} -->\n", f"<!-- end of {name} -->\n"


def stored() -> dict[str, str]:
    """Return the measured sections that the page holds."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    found = {}
    for name in SECTIONS:
        start, end = marks(name)
        if start in page:
            found[name] = page.split(start)[1].split(end)[0]
    return found


def measure(name: str) -> tuple[str | None, int]:
    """Run the script of a section; return what belongs on the page, and the exit code."""
    script, *options = SECTIONS[name].command
    print(f"== {name}", file=sys.stderr)
    done = subprocess.run(
        [sys.executable, str(BENCH / script), *options],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode and "**missed**" not in done.stdout:
        print(f"{name} ended with exit code {done.returncode} and no verdict", file=sys.stderr)
        return None, done.returncode
    return f"{measured_on(' '.join(SECTIONS[name].command))}\n\n{done.stdout}", done.returncode


def measured_on(command: str) -> str:
    """Say when, on what, and how; no names of hosts, users or paths."""
    from luce import __version__, kernels

    packages = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return (
        f"`python bench/{command}`, {datetime.now(UTC):%Y-%m-%d}: {processor()},"
        f" {kernels.get_num_threads()} threads, {platform.system()},"
        f" Python {platform.python_version()}, luce {__version__} ({kernels.simd()}), {packages}."
    )


def processor() -> str:
    """Return the name of the processor where Linux tells it, else its kind."""
    facts = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", facts.read_text()) if facts.exists() else []
    return names[0] if names else platform.machine()


def page(sections: dict[str, str]) -> str:
    """Return the whole page."""
    parts = [HEAD]
    for name, (title, command, about) in SECTIONS.items():
        start, end = marks(name)
        body = f"{start}{sections[name]}{end}" if name in sections else f"{pending(command)}\n"
        parts.append(f"## {title}\n\n{about}\n\n{body}")
    return "\n".join(parts)


def pending(command: tuple[str, ...]) -> str:
    return f"Not measured yet: `python bench/{' '.join(command)}`."


def figures(sections: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return the figures of each measured section, by section and name."""
    return {
        name: json.loads(body.split(FIGURES)[1].split(" -->")[0])
        for name, body in sections.items()
        if FIGURES in body
    }


def filled(text: str, known: dict[str, dict[str, str]]) -> str:
    """Return a README with its places filled; what is not measured is a dash."""

    def fill(place: re.Match[str]) -> str:
        section, figure, _ = place.groups()
        if section not in SECTIONS:
            raise KeyError(f"a place names the section {section!r}; there are {[*SECTIONS]}")
        value = known[section][figure] if section in known else UNMEASURED
        return f"<!-- {section}.{figure} -->{value}<!-- / -->"

    return PLACE.sub(fill, text)


def write(sections: dict[str, str]) -> None:
    PAGE.write_text(page(sections), encoding="utf-8")
    for readme in READMES:
        text = readme.read_text(encoding="utf-8")
        readme.write_text(filled(text, figures(sections)), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SECTIONS))
    parser.add_argument("--fill", action="store_true", help="measure nothing")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in SECTIONS]:
        parser.error(f"there is no section {unknown[0]}; there are {', '.join(SECTIONS)}")
    worst = 0
    write(stored())
    for name in () if options.fill else options.names or SECTIONS:
        body, code = measure(name)
        worst = max(worst, code)
        if body is not None:
            write(stored() | {name: body})  # at once: a later script may be interrupted
    return int(worst != 0)


if __name__ == "__main__":
    sys.exit(main())
