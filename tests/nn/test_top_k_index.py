import sys

import pytest
import torch

from luce.errors import MissingExtraError, ShapeError
from luce.nn import FullSoftmax, TopKIndex

pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore:builtin type [sS]wig.*:DeprecationWarning"),
]


def test_a_missing_package_is_told_with_its_install_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'luce\[index\]'"):
        TopKIndex(torch.ones(3, 2))


@pytest.fixture
def head():
    pytest.importorskip("faiss")
    generator = torch.Generator().manual_seed(0)
    made = FullSoftmax(16, 3000)
    with torch.no_grad():  # classes in groups, as after training
        centres = torch.randn(60, 16, generator=generator)
        noise = torch.randn(3000, 16, generator=generator)
        made.weight.copy_(centres.repeat(50, 1) + 0.5 * noise)
        made.bias.copy_(torch.randn(3000, generator=generator))
    return made


def rows(head, n=200):
    generator = torch.Generator().manual_seed(1)
    chosen = head.weight.detach()[torch.randint(3000, (n,), generator=generator)]
    return chosen + 0.5 * torch.randn(n, 16, generator=generator)


def test_few_probes_find_nearly_all(head):
    index = TopKIndex(head.class_weights(), head.class_bias(), probes=8)
    assert index.groups == 128
    hidden = rows(head)
    exact = head.topk(hidden, 10).indices
    assert index.recall(hidden, 10, exact) > 0.97
    index.probes = 1
    assert 0.3 < index.recall(hidden, 10, exact) < 0.95
    index.probes = 128
    assert index.recall(hidden, 10, exact) == 1


@pytest.mark.parametrize("bias", [True, False])
def test_all_probes_are_exact(head, bias):
    b = head.class_bias() if bias else None
    index = TopKIndex(head.class_weights(), b, groups=20, probes=20)
    hidden = rows(head, 24).reshape(2, 3, 4, 16)
    found = index(hidden, 5)
    z = hidden @ head.weight.T + (0 if b is None else b)
    exact = z.topk(5)
    assert torch.equal(found.indices, exact.indices)
    torch.testing.assert_close(found.logits, exact.values.detach())


def test_groups_with_too_few_classes_leave_places_empty(head):
    index = TopKIndex(head.class_weights()[:8], groups=8, probes=1)
    found = index(rows(head, 3), 8)
    assert (found.indices == -1).any()
    assert torch.equal(found.indices == -1, found.logits == -torch.inf)


def test_the_seed_decides(head):
    hidden = rows(head)
    one, two = (TopKIndex(head.class_weights(), seed=3, probes=2) for _ in range(2))
    assert torch.equal(one(hidden, 5).indices, two(hidden, 5).indices)


def test_shapes_must_fit(head):
    with pytest.raises(ShapeError, match=r"got weight \(3000, 16\) and bias \(16,\)"):
        TopKIndex(head.weight, torch.ones(16))
    with pytest.raises(ShapeError, match=r"last dimension of 16 .*got shape"):
        TopKIndex(head.weight[:50])(torch.ones(3, 4), 2)
