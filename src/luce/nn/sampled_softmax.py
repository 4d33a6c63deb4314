"""Sampled softmax: the softmax over a row's own classes and a sample of the others."""

from typing import final

import torch
from torch import Tensor

from luce.nn.comparison import Comparison
from luce.nn.functional.cross_entropy import cross_entropy
from luce.nn.functional.log_softmax import log_softmax
from luce.nn.row_losses import expected_surprise, log_normaliser, of_labels, of_normalisers
from luce.nn.sampled_head import SampledHead
from luce.nn.targets import Targets


@final
class SampledSoftmax(SampledHead):
    r"""A softmax that is trained on a sample of the classes, drawn anew in each step.

    The sum over all classes in the normaliser of a row with the label y is estimated from the
    drawn classes S, which all rows of the batch share:

    .. math::
        \hat Z = e^{u_y} + \sum_{j \in S,\, j \ne y} \frac{e^{u_j}}{\operatorname{E} n_j}, \qquad
        L = \log \hat Z - u_y

    with :math:`\operatorname{E} n_j`, how often the sampler expects to draw class j. Dividing by
    it is the *logQ correction*; leaving out y is the removal of *accidental hits*. :math:`\hat Z`
    is unbiased; the loss is too low on average, by about half the relative variance of
    :math:`\hat Z`, and consistent: with all classes in the sample it is the exact one.

    Parameters
    ----------
    in_features : int
        Width of the hidden states.
    n_classes : int
        Number of classes.
    n_samples : int
        How many classes are drawn in each step; all of them if there are no more.
    sampler : Sampler, optional
        How they are drawn. None: :class:`UniformSampler`; for classes sorted by frequency
        :class:`LogUniformSampler` is better, with known frequencies :class:`UnigramSampler`.
    top : int
        How many of its likeliest classes are a row's own if the target is a distribution.
    bias : bool
        Whether each class has a bias.
    weight : Parameter of shape (n_classes, in_features), optional
        Weights to share, such as those of an embedding: they are used, not copied, and stay as
        they are.
    sparse : bool
        Whether gradients of weight and bias are sparse: for millions of classes, with an optimiser
        that takes them, such as :class:`RowwiseAdagrad`, ``SparseAdam`` or SGD without momentum.
    device, dtype
        As in ``torch.nn.Linear``.

    Notes
    -----
    Equals :class:`FullSoftmax` with the same weight and bias: always in eval mode and in
    `log_prob`, `predict`, `topk` and `sample`, which see all classes; in training mode up to the
    sample; `audit` measures how far.

    Saves: a step costs O((n + n_samples) in_features + n n_samples in_features) for n rows,
    whatever the number of classes, and with ``sparse=True`` no memory of the weights' size.
    Costs: a biased, noisy gradient, and for evaluation as much as :class:`FullSoftmax`.

    Loss options while training: softcap and temperature shape the logits before the correction;
    `weight`, `ignore_index`, `reduction`, `normalizer` and `empty` mean what they always do;
    z-loss and focal loss take :math:`\log \hat Z` and :math:`\hat p = e^{u} / \hat Z`. What label
    smoothing or a distribution gives to classes that are not the row's own is shared among the
    drawn ones in proportion to :math:`1 / \operatorname{E} n_j` (times their probability), so
    that each target keeps its sum. All are exact with all classes in the sample.

    Source: Bengio & Senécal (2008), IEEE Trans. Neural Netw. 19(4); Jean et al. (2015), arXiv
    1412.2007, section 3. TensorFlow's sampled softmax also divides :math:`e^{u_y}` by
    :math:`\operatorname{E} n_y`, though y is always there, which biases :math:`\hat Z`.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import LogUniformSampler, SampledSoftmax
    >>> head = SampledSoftmax(16, 50_000, n_samples=500, sampler=LogUniformSampler(50_000))
    >>> hidden, target = torch.randn(4, 7, 16), torch.randint(50_000, (4, 7))
    >>> head(hidden, target, label_smoothing=0.1).backward()
    >>> exact = head.eval()(hidden, target)
    """

    def class_bias(self) -> Tensor | None:
        return self.bias

    def _bias_of(self, ids: Tensor) -> Tensor | None:
        return self._own_bias_of(ids)

    def _row_losses(
        self, own: Tensor, drawn: Tensor, among: Comparison, targets: Targets
    ) -> Tensor:
        return sampled_row_losses(own, drawn, among.log_weight(), among, targets, self.n_classes)


def sampled_row_losses(
    own: Tensor,
    drawn: Tensor,
    log_weight: Tensor,
    among: Comparison,
    targets: Targets,
    n_classes: int,
) -> Tensor:
    """Return the loss of each row (n,), given logits (n, m) and (n, c) and log-weights (n, c)."""
    m, scalars = own.shape[1], targets.scalars
    z = torch.cat([own, drawn + log_weight], dim=1)  # log sum exp z = log of the estimated Z
    if targets.q is None and targets.spread is None and not scalars.gamma and not scalars.z_loss:
        label = torch.zeros(len(z), dtype=torch.int64, device=z.device)
        return of_labels(-cross_entropy(z, label, reduction="none"), targets)
    log_p = log_softmax(z)
    if targets.q is None and targets.spread is None:
        losses = of_labels(log_p[:, 0], targets)
    else:
        t_own, t_drawn = among.shares(log_weight, targets, n_classes)
        losses = expected_surprise(log_p[:, :m], t_own, scalars.gamma)
        if t_drawn is not None:
            is_there = torch.isfinite(log_weight)
            log_p_drawn = torch.where(is_there, log_p[:, m:] - log_weight, -torch.inf)
            if scalars.gamma:
                log_p_drawn = log_p_drawn.clamp(max=0.0)  # an estimate may exceed 1
            losses = losses + expected_surprise(log_p_drawn, t_drawn, scalars.gamma)
    if scalars.z_loss:
        losses = losses + of_normalisers(log_normaliser(z, log_p).square(), targets)
    return losses
