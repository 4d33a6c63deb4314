"""The largest logits of a linear head, exactly, without computing all of them."""

from typing import NamedTuple, final

import torch
from torch import Tensor

from luce._checks import as_count
from luce.nn.eager import widened
from luce.nn.head import LinearHead
from luce.nn.hidden_rows import as_rows

_WIDTHS = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)  # of the bound, to choose from
_JUDGED = 64  # rows of the sample that the choice is made on,
_JUDGED_LOGITS = 2**23  # unless these have more logits
_GATHERED = 24  # a product with a gathered vector takes so much longer than one in a matrix
_RIDGE = 1e-3  # of the mean variance, against directions that the sample does not have
_NUMBERS = 2**23  # of vectors that are gathered at once


class LargestLogits(NamedTuple):
    """The largest logits of each row, the largest first."""

    logits: Tensor
    """(..., k): their values."""
    indices: Tensor
    """(..., k): which classes they are."""
    computed: float
    """The part of all logits that was computed in full."""


@final
class ExactTopK:
    r"""An index of a linear head that finds its largest logits from a bound on each.

    A change of coordinates with the same products, :math:`w^\top h = (Aw)^\top (A^{-\top} h)`,
    moves most of them into a few directions. The first ``r`` numbers and the lengths of the rest
    bound each logit (Cauchy-Schwarz):

    .. math::
        w^\top h \le w_{1:r}^\top h_{1:r} + \|w_{r+1:}\| \, \|h_{r+1:}\|

    which is one product of width ``r + 1``. Classes are computed in full in the order of their
    bounds until the next bound is below the ``k``-th best logit: what is left cannot be larger.

    Parameters
    ----------
    head : LinearHead
        The head; its weights are copied. Make a new index when they have changed. Classes with
        the bias ``-inf`` come last.
    hidden : Tensor, shape (..., in_features), optional
        Some hundreds of hidden states like those that will come. They make the bound much
        tighter and choose its width; any others are still answered exactly.
    width : int, optional
        ``r``. None chooses it on the sample; without a sample an eighth of the features.

    Notes
    -----
    Equals ``head.logits(hidden).topk(k)``, up to the rounding of logits: rounding is allowed for in
    the bound, so no class is missed that is larger by more than that.

    Saves: for a trained head of width 200 and 30,000 classes nine tenths of the arithmetic and of
    the memory that is read. Costs: two copies of the weights, one of them of width ``r + 1``, and
    a sort; the logarithms of probabilities need all logits, so there are none. On rows that are
    not like the sample, and on weights without structure, the bound may be no help and all is
    computed.

    The bound by parts of vectors is that of Li et al. (2017), FEXIPRO, SIGMOD, who rotate. Here the
    coordinates are also scaled such that weights and hidden states have the same variances
    (balanced as in Moore 1981, IEEE Trans. Autom. Control 26(1)), which minimises the mean of
    ``|w| |h|`` over all changes of coordinates.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import ExactTopK, FullSoftmax
    >>> head, hidden = FullSoftmax(16, 1000), torch.randn(200, 16)
    >>> found = ExactTopK(head, hidden).topk(hidden[:3], 5)
    >>> torch.equal(found.indices, head.topk(hidden[:3], 5).indices)
    True
    """

    def __init__(
        self, head: LinearHead, hidden: Tensor | None = None, *, width: int | None = None
    ) -> None:
        with torch.no_grad():
            weight, bias = widened(head.class_weights()), head.class_bias()
            if bias is not None:
                weight = torch.cat([weight, bias[:, None].to(weight.dtype)], 1)
            self.weight = weight.contiguous()  # (k, d), the bias as a last feature
            self.in_features, self.biased = head.in_features, bias is not None
            sample = None if hidden is None else self._rows(hidden).double()
            d = self.weight.shape[1]
            # A bias of -inf would be the length of its class: such classes have no bound but -inf.
            impossible = (self.weight == -torch.inf).any(1)
            self._impossible = impossible.nonzero()[:, 0]
            finite = self.weight.double().masked_fill(impossible[:, None], 0.0)
            moved, self._into = _balanced(finite, sample)
            if width is not None:
                self.width = as_count(width, d, "width")
            elif sample is None:
                self.width = max(1, d // 8)
            else:
                self.width = _best_width(
                    moved, sample[:: max(1, len(sample) // _JUDGED)] @ self._into
                )
            self._bounds = _with_rest(moved, self.width).to(self.weight.dtype)  # (k, r + 1)
            self._longest = float(moved.norm(dim=1).max())

    @torch.no_grad()
    def topk(self, hidden: Tensor, k: int) -> LargestLogits:
        """Return the `k` largest logits of each row, and the classes.

        Parameters
        ----------
        hidden : Tensor, shape (..., in_features)
            Hidden states.
        k : int
            How many classes.

        Returns
        -------
        LargestLogits
            Without gradients.

        Raises
        ------
        ShapeError
            If the hidden states have another width.
        ParameterError
            If there are not `k` classes.
        """
        n_classes = len(self.weight)
        wanted = as_count(k, n_classes, "k")
        rows = self._rows(hidden)
        logits, indices, computed = self._search(rows, wanted)
        leading = (*hidden.shape[:-1], wanted)
        share = computed / max(1, len(rows) * n_classes)
        return LargestLogits(logits.reshape(leading), indices.reshape(leading), share)

    def _search(self, rows: Tensor, k: int) -> tuple[Tensor, Tensor, int]:
        n_classes, d = self.weight.shape
        moved = rows.double() @ self._into
        allowed = _with_rest(moved, self.width).to(rows.dtype) @ self._bounds.T  # (n, classes)
        allowed[:, self._impossible] = -torch.inf
        # Rounding of both kinds of logits, by the usual bound on a product of so many numbers.
        slack = 4 * (d + 4) * torch.finfo(rows.dtype).eps * self._longest * moved.norm(dim=1)
        first = min(n_classes, 2 * k + 8)
        bounds, classes = allowed.topk(first, dim=1)
        logits, indices = self._best(rows, classes, k)
        least = logits[:, -1] - slack.to(rows.dtype)
        computed = first * len(rows)
        if first < n_classes:
            row = (~(bounds[:, -1] < least)).nonzero()[:, 0]
            logits[row], indices[row], more = self._above(rows[row], allowed[row], least[row], k)
            computed += more
        return logits, indices, computed

    def _above(
        self, rows: Tensor, allowed: Tensor, least: Tensor, k: int
    ) -> tuple[Tensor, Tensor, int]:
        """Return the same from all classes whose bound is not below what is known to be reached."""
        row, classes = (~(allowed < least[:, None])).nonzero(as_tuple=True)  # rows in order
        at_once = max(1, _NUMBERS // rows.shape[1])
        pairs = zip(row.split(at_once), classes.split(at_once), strict=True)
        z = torch.cat([(rows[r] * self.weight[c]).sum(1) for r, c in pairs])
        falling = z.argsort(descending=True)
        order = falling[row[falling].argsort(stable=True)]  # by row, the largest first
        counts = torch.bincount(row, minlength=len(rows))
        starts = counts.cumsum(0) - counts
        best = order[starts[:, None] + torch.arange(k, device=z.device)]
        return z[best], classes[best], len(z)

    def _best(self, rows: Tensor, classes: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Return the k largest logits of some classes (n, m) of each row."""
        at_once = max(1, _NUMBERS // (classes.shape[1] * rows.shape[1]))
        parts = zip(rows.split(at_once), classes.split(at_once), strict=True)
        z = torch.cat([(self.weight[some] @ part[:, :, None])[:, :, 0] for part, some in parts])
        best = z.topk(k, dim=1)
        return best.values, classes.gather(1, best.indices)

    def _rows(self, hidden: Tensor) -> Tensor:
        rows = as_rows(hidden.detach(), self.in_features).to(self.weight.dtype)
        return torch.cat([rows, rows.new_ones(len(rows), 1)], 1) if self.biased else rows


def _balanced(weight: Tensor, sample: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return the weights in the new coordinates, and what takes hidden states there.

    In float64: products are kept up to the rounding of that.
    """
    d = weight.shape[1]
    eye = torch.eye(d, dtype=weight.dtype, device=weight.device)
    spread = eye
    if sample is not None and len(sample):
        spread = sample.T @ sample / len(sample)
        spread = spread + eye * (_RIDGE * spread.trace() / d + torch.finfo(weight.dtype).tiny)
    root = torch.linalg.cholesky(spread)
    variances, axes = torch.linalg.eigh(root.T @ (weight.T @ weight / len(weight)) @ root)
    axes, variances = axes.flip(1), variances.flip(0)  # the largest first
    least = 1e-10 * float(variances[0]) or 1.0
    scale = variances.clamp(min=least) ** -0.25
    into = torch.linalg.solve_triangular(root.T, axes, upper=True) / scale
    return weight @ (root @ axes * scale), into


def _with_rest(vectors: Tensor, width: int) -> Tensor:
    """Return the first numbers of vectors, and the length of the rest."""
    return torch.cat([vectors[:, :width], vectors[:, width:].norm(dim=1, keepdim=True)], 1)


def _best_width(weight: Tensor, sample: Tensor) -> int:
    """Return the width of the bound that costs least for the ten best of each row."""
    n_classes, d = weight.shape
    rows = sample[: max(1, _JUDGED_LOGITS // n_classes)]
    tenth = (rows @ weight.T).topk(min(10, n_classes), dim=1).values[:, -1:]
    costs = {}
    for width in (*(w for w in _WIDTHS if w < d), d):
        allowed = _with_rest(rows, width) @ _with_rest(weight, width).T
        left = float((allowed >= tenth).sum(1).double().mean())
        costs[width] = n_classes * (width + 1) + _GATHERED * d * left
    return min(costs, key=costs.__getitem__)
