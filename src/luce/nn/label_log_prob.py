"""The log-probability of one class of each row, and the normaliser of its softmax."""

from torch import Tensor

from luce.nn.functional.cross_entropy import cross_entropy


def label_log_prob(z: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the log-probability of each row's label (n,), and the log-normaliser (n,).

    Logits (n, k) and labels (n,). The second is ``z_y - log p_y``, which costs nothing, and no
    gradient where nobody asks for it.
    """
    log_p = -cross_entropy(z, labels, reduction="none")
    return log_p, z.gather(1, labels[:, None])[:, 0] - log_p
