"""A language model of novels: adaptive, hierarchical and sampled heads against the full softmax.

    LUCE_DATA=... python bench/language_model.py [--minutes 3.5] [--test WORDS]

The same embedding and LSTM of width 200, the same batches, the same optimiser (Adagrad, gradients
clipped), the same seed; only the head changes. Each head trains for the given minutes, with a step
size that falls to 0 at their end, and is then evaluated exactly, normalised over all 30,000 words,
on the whole test part. A second run gives each cheaper head no more text than the full softmax
has seen in its minutes: is the model as good, and how soon is it there? With the default 25
minutes on two cores. Ends with exit code 1 if a demand is missed.
"""

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from section import Demand, show_figures, show_table, verdict
from torch import Tensor, nn

import luce
from luce.data import Vocabulary, read_tokens, token_batches
from luce.nn import (
    AdaptiveSoftmax,
    ClassTree,
    ExactTopK,
    FullSoftmax,
    HierarchicalSoftmax,
    SampledSoftmax,
    UnigramSampler,
)

DATA = Path(os.environ.get("LUCE_DATA", "../shared/data")) / "novels_en"
WORDS, WIDTH, STREAMS, STEPS = 30_000, 200, 20, 35
RATE, CLIP, STEADY = 0.1, 1.0, 0.3  # after this part of a run the step size falls
SHRINK = 2.0  # widths of 200, 100, 50: with the default of 4 faster and 3 % worse
FASTER, WORSE, SOONER = 3.0, 0.02, 3.0

FULL, PLAIN = "luce `FullSoftmax`", "`nn.Linear`, `F.cross_entropy`"
ADAPTIVE, TORCHS = "luce `AdaptiveSoftmax`", "torch `AdaptiveLogSoftmaxWithLoss`"
TREE, SAMPLED = "luce `HierarchicalSoftmax`, Huffman", "luce `SampledSoftmax`, 1000 words"


class Corpus(NamedTuple):
    """The novels as numbers; the most frequent word is 0."""

    train: NDArray[np.int64]
    test: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def read(cls) -> "Corpus":
        tokens = read_tokens(DATA / "train.txt.gz", skip="= ")
        words = Vocabulary.of(tokens, WORDS)
        order = np.argsort(-words.counts, kind="stable")  # <unk> is not the most frequent
        rank = np.empty_like(order)
        rank[order] = np.arange(WORDS)
        test = words.encode(read_tokens(DATA / "test.txt.gz", skip="= "))
        return cls(rank[words.encode(tokens)], rank[test], words.counts[order])

    def batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        while True:  # from the beginning again, if there is time for that
            for inputs, targets in token_batches(self.train, streams=STREAMS, steps=STEPS):
                yield torch.from_numpy(inputs), torch.from_numpy(targets)


class Plain(nn.Module):
    """What everyone writes."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(WIDTH, WORDS)

    def forward(self, hidden: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
        z = self.layer(hidden.flatten(0, 1))
        return nn.functional.cross_entropy(z, target.flatten(), reduction=reduction)


class TorchAdaptive(nn.Module):
    """PyTorch's own adaptive softmax; it takes rows alone, and means alone."""

    def __init__(self, cutoffs: tuple[int, ...]) -> None:
        super().__init__()
        self.layer = nn.AdaptiveLogSoftmaxWithLoss(
            WIDTH, WORDS, list(cutoffs), div_value=SHRINK, head_bias=True
        )

    def forward(self, hidden: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
        output, loss = self.layer(hidden.flatten(0, 1), target.flatten())
        return loss if reduction == "mean" else -output.sum()


class LanguageModel(nn.Module):
    """An embedding, an LSTM and a head."""

    def __init__(self, head: Callable[[], nn.Module]) -> None:
        super().__init__()
        torch.manual_seed(0)  # before the head, so that all begin alike
        self.embedding = nn.Embedding(WORDS, WIDTH)
        nn.init.uniform_(self.embedding.weight, -0.1, 0.1)
        self.lstm = nn.LSTM(WIDTH, WIDTH)
        self.head = head()

    def loss(
        self, inputs: Tensor, targets: Tensor, state: tuple[Tensor, Tensor] | None, reduction: str
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        hidden, (h, c) = self.lstm(self.embedding(inputs), state)
        return self.head(hidden, targets, reduction=reduction), (h.detach(), c.detach())


class Run(NamedTuple):
    """What a training has come to."""

    tokens: int
    seconds: float
    perplexity: float

    @property
    def speed(self) -> float:
        return self.tokens / self.seconds


def train(
    model: LanguageModel, corpus: Corpus, *, seconds: float = math.inf, tokens: float = math.inf
) -> tuple[int, float]:
    """Train until the time is up or the text is read; return tokens and seconds."""
    model.train()
    parameters = list(model.parameters())
    optimizer = torch.optim.Adagrad(parameters, lr=RATE, fused=True)
    state, seen = None, 0
    start = time.perf_counter()
    for inputs, targets in corpus.batches():
        elapsed = time.perf_counter() - start
        done = max(elapsed / seconds, seen / tokens)
        if done >= 1:
            return seen, elapsed
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (1.0 - done) / (1.0 - STEADY))
        loss, state = model.loss(inputs, targets, state, "mean")
        if inputs.shape[0] < STEPS:
            state = None  # the end of the text: the next batch is its beginning
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, CLIP, foreach=True)
        optimizer.step()
        seen += inputs.numel()
    raise AssertionError("the batches never end")


@torch.no_grad()
def perplexity(model: LanguageModel, corpus: Corpus) -> float:
    """Return the exact perplexity of the test part."""
    model.eval()
    total, seen, state = 0.0, 0, None
    for inputs, targets in token_batches(corpus.test, streams=STREAMS, steps=STEPS):
        loss, state = model.loss(torch.from_numpy(inputs), torch.from_numpy(targets), state, "sum")
        total, seen = total + loss.item(), seen + targets.size
    return math.exp(total / seen)


def run(
    name: str, model: LanguageModel, corpus: Corpus, judged: bool = True, **limit: float
) -> Run:
    tokens, seconds = train(model, corpus, **limit)
    done = Run(tokens, seconds, perplexity(model, corpus) if judged else math.nan)
    told = f"{name}: {done.tokens} tokens in {done.seconds:.0f} s, test {done.perplexity:.1f}"
    print(told, file=sys.stderr, flush=True)
    return done


def check_same(corpus: Corpus) -> None:
    """Assert that both full softmaxes compute the same."""
    torch.manual_seed(0)
    ours, theirs = FullSoftmax(WIDTH, WORDS), Plain()
    theirs.layer.weight, theirs.layer.bias = ours.weight, ours.bias
    hidden, target = torch.randn(35, 20, WIDTH), next(corpus.batches())[1]
    torch.testing.assert_close(ours(hidden, target), theirs(hidden, target), rtol=1e-5, atol=0)


def row(name: str, timed: Run, matched: Run | None, full: Run) -> dict[str, str]:
    judged = math.isfinite(timed.perplexity)
    return {
        "head": name,
        "tokens/s": f"{timed.speed:,.0f}",
        "speed": f"{timed.speed / full.speed:.1f} x",
        "tokens seen": f"{timed.tokens / 1e6:.2f} M" if judged else "–",
        "test perplexity": f"{timed.perplexity:.1f}" if judged else "–",
        "same text: seconds": f"{matched.seconds:.0f}" if matched else "–",
        "same text: test perplexity": f"{matched.perplexity:.1f}" if matched else "–",
        "beside the full softmax": (
            f"{matched.perplexity / full.perplexity - 1:+.1%}" if matched else "–"
        ),
    }


@torch.no_grad()
def show_top_k(model: LanguageModel, corpus: Corpus) -> float:
    """Print how long the 10 likeliest words take; return how much sooner one row has them."""
    head = model.head
    assert isinstance(head, SampledSoftmax)
    model.eval()
    text = torch.from_numpy(corpus.test[: 2 * STREAMS * STEPS]).view(STREAMS, -1).T.contiguous()
    hidden = model.lstm(model.embedding(text))[0].flatten(0, 1)
    sample, rows = hidden[: STREAMS * STEPS], hidden[STREAMS * STEPS :]
    index = ExactTopK(head, sample)
    torch.testing.assert_close(index.topk(rows, 10).logits, head.logits(rows).topk(10).values)
    ways: dict[str, Callable[[Tensor], object]] = {
        "all": lambda some: head.logits(some).topk(10),
        "ExactTopK": lambda some: index.topk(some, 10),
    }
    table, ratios = [], []
    for n in (1, 8, 64):
        least = dict.fromkeys(ways, math.inf)
        for start in range(0, 10 * n, n):  # in turn, other rows each time
            some = rows[start : start + n]
            for name, way in ways.items():
                begin = time.perf_counter()
                way(some)
                least[name] = min(least[name], time.perf_counter() - begin)
        ratios.append(least["all"] / least["ExactTopK"])
        table.append(
            {
                "rows at once": str(n),
                "all logits, ms": f"{1e3 * least['all']:.2f}",
                "`ExactTopK`, ms": f"{1e3 * least['ExactTopK']:.2f}",
                "speed": f"{ratios[-1]:.1f} x",
                "logits computed in full": f"{index.topk(some, 10).computed:.2%}",
            }
        )
    print(
        f"\nThe 10 likeliest words by the sampled model, exactly; bound of width {index.width}:\n"
    )
    show_table(table)
    return ratios[0]


def heads_of(corpus: Corpus) -> tuple[tuple[int, ...], dict[str, Callable[[], nn.Module]]]:
    """Return the cutoffs that this machine asks for, and the heads beside the full softmax."""
    counts, rows = corpus.counts, STREAMS * STEPS
    cutoffs = AdaptiveSoftmax.from_counts(WIDTH, counts, rows=rows, div_value=SHRINK).cutoffs
    tree = ClassTree.huffman(counts)
    return cutoffs, {
        ADAPTIVE: lambda: AdaptiveSoftmax(WIDTH, WORDS, cutoffs, div_value=SHRINK),
        TORCHS: lambda: TorchAdaptive(cutoffs),
        TREE: lambda: HierarchicalSoftmax(WIDTH, tree),
        SAMPLED: lambda: SampledSoftmax(
            WIDTH, WORDS, n_samples=1000, sampler=UnigramSampler(counts)
        ),
    }


class Found(NamedTuple):
    """All trainings: for the same time, and on the text that the full softmax has seen."""

    plain: Run
    full: Run
    timed: dict[str, Run]
    matched: dict[str, Run]
    sampled: LanguageModel

    @classmethod
    def by_training(
        cls, corpus: Corpus, heads: dict[str, Callable[[], nn.Module]], budget: float
    ) -> "Found":
        trained = {name: LanguageModel(head) for name, head in heads.items()}
        full_model = LanguageModel(lambda: FullSoftmax(WIDTH, WORDS))
        plain = run(PLAIN, LanguageModel(Plain), corpus, False, seconds=min(budget, 30.0))
        full = run(FULL, full_model, corpus, seconds=budget)
        timed = {name: run(name, model, corpus, seconds=budget) for name, model in trained.items()}
        matched = {
            name: run(name, LanguageModel(head), corpus, tokens=full.tokens)
            for name, head in heads.items()
        }
        return cls(plain, full, timed, matched, trained[SAMPLED])

    def table(self) -> list[dict[str, str]]:
        first = [row(PLAIN, self.plain, None, self.full), row(FULL, self.full, None, self.full)]
        return first + [
            row(name, self.timed[name], self.matched[name], self.full) for name in self.timed
        ]

    @property
    def fastest_full(self) -> float:
        return max(self.full.speed, self.plain.speed)

    @property
    def worse(self) -> float:
        return self.matched[ADAPTIVE].perplexity / self.full.perplexity - 1


def demands(found: Found, top: float) -> list[Demand]:
    speeds = [
        Demand(
            f"{name}: training at least {FASTER:g} times as fast as the faster full softmax",
            f"{found.timed[name].speed / found.fastest_full:.1f}",
            found.timed[name].speed >= FASTER * found.fastest_full,
        )
        for name in (ADAPTIVE, TREE, SAMPLED)
    ]
    return [
        *speeds,
        Demand(
            f"{ADAPTIVE}: trained on the same text, at most {WORSE:.0%} worse",
            f"{found.worse:+.1%}",
            found.worse <= WORSE,
        ),
        Demand(
            f"`ExactTopK`: the 10 likeliest words of one row at least {SOONER:g} times as fast",
            f"{top:.1f}",
            top >= SOONER,
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3.5, help="training time of each head")
    parser.add_argument("--test", type=int, default=None, help="judge by so many words alone")
    given = parser.parse_args()
    budget = 60 * given.minutes
    torch.set_num_threads(os.cpu_count() or 1)
    luce.set_num_threads(os.cpu_count() or 1)
    corpus = Corpus.read()
    corpus = corpus._replace(test=corpus.test[: given.test])
    check_same(corpus)
    cutoffs, heads = heads_of(corpus)
    found = Found.by_training(corpus, heads, budget)
    print(
        f"{len(corpus.train):,} tokens of training text, {len(corpus.test):,} of test text;"
        f" {torch.get_num_threads()} threads, {budget / 60:g} minutes a head;"
        f" measured cutoffs: {list(cutoffs)}, widths shrink by {SHRINK:g}.\n"
    )
    show_table(found.table())
    top = show_top_k(found.sampled, corpus)
    show_figures(
        adaptive_speed=f"{found.timed[ADAPTIVE].speed / found.fastest_full:.1f}",
        adaptive_worse=f"{100 * found.worse:+.1f}",
        full_perplexity=f"{found.full.perplexity:.0f}",
        adaptive_perplexity=f"{found.timed[ADAPTIVE].perplexity:.0f}",
        top_k_speed=f"{top:.1f}",
    )
    return verdict(demands(found, top))


if __name__ == "__main__":
    sys.exit(main())
