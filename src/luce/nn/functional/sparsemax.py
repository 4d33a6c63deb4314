"""Sparsemax of tensors: the softmax that gives unlikely classes a probability of exactly 0."""

from torch import Tensor

from luce.nn.functional.entmax import entmax


def sparsemax(
    x: Tensor, dim: int = -1, *, temperature: float = 1.0, where: Tensor | None = None
) -> Tensor:
    r"""Euclidean projection of the logits onto the distributions: most classes get exactly 0.

    .. math:: p_i = \max(x_i / T - \tau, 0), \qquad \sum_i p_i = 1

    Parameters
    ----------
    x, dim, temperature, where
        As in :func:`softmax`; masked classes get 0.

    Returns
    -------
    Tensor
        The shape and dtype of `x`, in [0, 1]. A row whose largest logit is not finite holds NaN.

    Raises
    ------
    ParameterError
        If the temperature is not positive and finite.

    Notes
    -----
    It is :func:`entmax` with alpha 2, where its accuracy and its gradient are told. On the CPU in
    eager mode :func:`luce.sparsemax` computes it, with an exact support.

    Source: Martins & Astudillo (2016), ICML, PMLR 48.

    Examples
    --------
    >>> import torch
    >>> from luce.nn import functional
    >>> functional.sparsemax(torch.tensor([3.0, 1.0, 2.5, 2.0]))
    tensor([0.7500, 0.0000, 0.2500, 0.0000])
    """
    return entmax(x, 2.0, dim, temperature=temperature, where=where)
