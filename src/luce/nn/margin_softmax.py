"""Margin softmax: scaled cosines, the label's made harder to reach, on all or some classes."""

from math import pi
from typing import Unpack, final

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from luce._checks import as_choice, as_count, as_finite, as_scale
from luce.nn.batch_samplers import WithBatchLabels
from luce.nn.class_parameters import as_class_weight
from luce.nn.comparison import Comparison
from luce.nn.eager import widened
from luce.nn.functional.cross_entropy import cross_entropy
from luce.nn.functional.log_softmax import log_softmax
from luce.nn.functional.margin import added_angle, subtracted, with_margin
from luce.nn.head import Head
from luce.nn.logit_shape import LogitShape
from luce.nn.options import LossOptions
from luce.nn.sampled_head import as_sampler
from luce.nn.sampled_loss import sampled_loss
from luce.nn.sampled_softmax import sampled_row_losses
from luce.nn.samplers import Sampler, UniformSampler
from luce.nn.targets import Targets

_MARGINS = {"arcface": 0.5, "cosface": 0.35}


@final
class MarginSoftmax(Head):
    r"""ArcFace or CosFace over class centres, with all of them or, as in Partial FC, some.

    The logits are :math:`s \cos\theta_j`, with the angles between a row and the centres of the
    classes, whatever the lengths of both. In the loss, in training and eval mode alike, that of
    the label is made harder to reach: by a margin added to its angle ("arcface") or taken from
    its cosine ("cosface"). A distribution has the margin on its likeliest class. `log_prob`,
    `predict`, `topk` and `sample` know no label and no margin.

    Parameters
    ----------
    in_features : int
        Width of the hidden states.
    n_classes : int
        Number of classes.
    kind : {"arcface", "cosface"}
        Where the margin goes, see :func:`luce.losses.arcface` and :func:`luce.losses.cosface`.
    margin : float, optional
        ``m``: for "arcface" an angle between 0 and pi / 2, by default 0.5; for "cosface" 0 or
        more, by default 0.35.
    scale : float
        ``s``, above 0.
    n_samples : int, optional
        How many classes are drawn in each training step for all rows to be compared with. None
        compares with all.
    sampler : Sampler, optional
        How they are drawn. None: uniformly, and the labels of the batch are added, as in Partial
        FC; see :class:`WithBatchLabels`.
    correction : bool
        Whether each drawn class counts as many times as there are classes for it (the logQ
        correction), which makes the normaliser unbiased. False counts it once, as Partial FC
        does: an easier loss.
    top : int
        How many of its likeliest classes are a row's own if the target is a distribution.
    weight : Parameter of shape (n_classes, in_features), optional
        Centres to share: they are used, not copied, and stay as they are.
    sparse : bool
        Whether the gradient of sampled centres is sparse, see :class:`SampledSoftmax`.
    device, dtype
        As in ``torch.nn.Linear``.

    Notes
    -----
    Equals, in eval mode and without `n_samples`, :func:`luce.nn.functional.arcface` (or
    ``cosface``) of the cosines ``normalize(hidden) @ normalize(weight).T``. With `n_samples` the
    loss while training is estimated as in :class:`SampledSoftmax`, where all loss options mean
    what they mean there; softcap and temperature shape the scaled cosines, the margin in them.

    Saves, with `n_samples`: time and memory of a step do not depend on the number of classes
    (``sparse=True``); lengths are computed of the centres in the step alone. Costs: as
    :class:`SampledSoftmax`; without samples all logits are held. Cosines are computed in float32
    at least, under autocast, too: 16 bits would be felt at a scale of 64.

    Source: Deng et al. (2019), arXiv 1801.07698; Wang et al. (2018), arXiv 1801.09414; An et al.
    (2022), Partial FC, arXiv 2203.15565.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import MarginSoftmax
    >>> head = MarginSoftmax(16, 10_000, kind="cosface", n_samples=1000)
    >>> hidden, target = torch.randn(32, 16), torch.randint(10_000, (32,))
    >>> head(hidden, target).backward()
    >>> head.eval().topk(hidden, 5).indices.shape
    torch.Size([32, 5])
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        *,
        kind: str = "arcface",
        margin: float | None = None,
        scale: float = 64.0,
        n_samples: int | None = None,
        sampler: Sampler | None = None,
        correction: bool = True,
        top: int = 5,
        weight: nn.Parameter | None = None,
        sparse: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(in_features, n_classes)
        self.kind = as_choice(kind, tuple(_MARGINS), "kind")
        most = pi / 2 if kind == "arcface" else torch.inf
        self.margin = as_finite(_MARGINS[kind] if margin is None else margin, "margin", 0.0, most)
        self.scale = as_scale(scale)
        self.n_samples = n_samples
        if n_samples is not None:
            self.n_samples = min(as_count(n_samples, 2**31, "n_samples"), self.n_classes)
            if sampler is None:
                sampler = WithBatchLabels(UniformSampler(self.n_classes))
            sampler = as_sampler(sampler, self.n_classes)
            sampler.prepare(self.n_samples)
        self.sampler = sampler
        self.correction = correction
        self.top = min(as_count(top, 2**31, "top"), self.n_classes)
        self.sparse = sparse
        self.tied = weight is not None
        self.weight = as_class_weight(weight, self.n_classes, self.in_features, device, dtype)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw centres that are not shared: each direction is as likely as any other."""
        if not self.tied:
            nn.init.normal_(self.weight, std=0.01)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the scaled cosines (..., n_classes), without a margin."""
        cosines = self._cosines(self.rows_of(hidden))
        return (self.scale * cosines).reshape(*hidden.shape[:-1], self.n_classes)

    def log_prob(self, hidden: Tensor) -> Tensor:
        return log_softmax(self.logits(hidden))

    def forward(self, hidden: Tensor, target: Tensor, **options: Unpack[LossOptions]) -> Tensor:
        if self.training and self.sampler is not None:
            assert self.n_samples is not None
            return sampled_loss(
                self, hidden, target, options,
                sampler=self.sampler, n_samples=self.n_samples, top=self.top, of_rows=self._of_rows,
            )  # fmt: skip
        rows, targets = self.rows_and_targets(hidden, target, options)
        labels = targets.y
        if labels is None:
            assert targets.q is not None
            labels = targets.q.argmax(dim=1)
        logits = self.scale * self._with_margin(self._cosines(rows), labels)
        return cross_entropy(logits.reshape(*hidden.shape[:-1], self.n_classes), target, **options)

    def _of_rows(self, rows: Tensor, among: Comparison, targets: Targets) -> Tensor:
        """Return the loss of each row (n,) while training on sampled centres."""
        rows, scalars = normalize(widened(rows), dim=1), targets.scalars
        centres = nn.functional.embedding(among.every_id(), self.weight, sparse=self.sparse)
        own, drawn = among.split(normalize(widened(centres), dim=1))
        with torch.autocast(rows.device.type, enabled=False):
            c_own, c_drawn = (own * rows[:, None]).sum(dim=2), rows @ drawn.T
        c_own = self._with_margin(c_own, among.own.new_zeros(len(rows)))
        log_weight = among.log_weight()
        if not self.correction:
            log_weight = torch.where(torch.isfinite(log_weight), 0.0, log_weight)
        shape = LogitShape(scalars.softcap, scalars.temperature)
        return sampled_row_losses(
            shape(self.scale * c_own),
            shape(self.scale * c_drawn),
            log_weight,
            among,
            targets,
            self.n_classes,
        )

    def _cosines(self, rows: Tensor) -> Tensor:
        """Return the cosines (n, n_classes) of rows with all centres, which are not copied."""
        weight = widened(self.weight)
        with torch.autocast(rows.device.type, enabled=False):
            lengths: Tensor = torch.linalg.vector_norm(weight, dim=1).clamp(min=1e-12)
            cosines: Tensor = (normalize(widened(rows), dim=1) @ weight.T) / lengths
        return cosines

    def _with_margin(self, cosines: Tensor, labels: Tensor) -> Tensor:
        """Return the cosines with that of each label made worse."""
        harder = added_angle(self.margin) if self.kind == "arcface" else subtracted(self.margin)
        return with_margin(cosines, labels, harder, None)

    def extra_repr(self) -> str:
        more = [f"kind={self.kind!r}", f"margin={self.margin:g}", f"scale={self.scale:g}"]
        if self.n_samples is not None:
            more += [f"n_samples={self.n_samples}"]
        more += ["correction=False"] * (not self.correction)
        more += ["tied"] * self.tied + ["sparse=True"] * self.sparse
        return ", ".join([super().extra_repr(), *more])
