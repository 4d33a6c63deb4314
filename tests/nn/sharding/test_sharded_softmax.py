import numpy as np
import pytest
import torch
from nn.sharding import cases
from nn.sharding.reference import assert_same, expected

from luce import functions
from luce.errors import ParameterError, ShapeError
from luce.losses import linear_cross_entropy_grad
from luce.nn import FullSoftmax, ShardedSoftmax
from luce.nn.sharding.class_split import ClassSplit

pytestmark = pytest.mark.once

TARGETS = pytest.mark.parametrize("target", cases.TARGETS)


@TARGETS
@pytest.mark.parametrize("options", cases.OPTIONS)
def test_equals_one_process_with_every_option(found, target, options):
    ranks = [one[target, options] for one in found["losses"]]
    assert_same(ranks, expected(target, options), 1e-12)


@TARGETS
def test_equals_one_process_in_float32(found, target):
    ranks = [one[target, "everything"] for one in found["losses_in_float32"]]
    assert all(one["loss"].dtype == torch.float32 for one in ranks)
    assert_same(ranks, expected(target, "everything"), 1e-6)


@TARGETS
def test_equals_one_process_in_chunks_of_rows(found, target):
    ranks = [one[target, "everything"] for one in found["losses_in_chunks"]]
    assert_same(ranks, expected(target, "everything"), 1e-12)


@TARGETS
@pytest.mark.parametrize("splits", cases.SPLITS)
def test_classes_may_be_split_anyhow(found, target, splits):
    ranks = [one[splits][target, "everything"] for one in found["other_splits"]]
    assert_same(ranks, expected(target, "everything"), 1e-12)


@pytest.mark.parametrize("splits", cases.SPLITS)
def test_topk_and_samples_do_not_depend_on_the_split(found, splits):
    ranks = [one[splits] for one in found["other_splits"]]
    log_p = functions.log_softmax(cases.HIDDEN @ cases.WEIGHT.T + cases.BIAS)
    for one in ranks:
        values, indices = one["topk"]
        np.testing.assert_array_equal(indices, np.argsort(-log_p, axis=1)[:, :4])
        np.testing.assert_allclose(
            values.detach(), np.take_along_axis(log_p, indices.numpy(), 1), atol=1e-12
        )
    assert all(torch.equal(ranks[0]["sample"], one["sample"]) for one in ranks[1:])
    assert [c for one in ranks for c in one["classes"]] == list(range(cases.CLASSES))


def test_log_prob_and_its_gradient_equal_one_process(found):
    ranks = found["probabilities"]
    h, w = cases.hidden(), torch.tensor(cases.WEIGHT, requires_grad=True)
    log_p = torch.log_softmax(h @ w.T + torch.as_tensor(cases.BIAS), dim=-1)
    log_p[:, ::2].sin().sum().backward()
    for one in ranks:
        np.testing.assert_allclose(one["log_prob"][0], log_p.detach(), atol=1e-12)
        np.testing.assert_allclose(one["gradient"], h.grad, atol=1e-12)
    np.testing.assert_allclose(np.concatenate([r["weight"] for r in ranks]), w.grad, atol=1e-12)


def test_topk_and_predict_equal_one_process(found):
    log_p = functions.log_softmax(cases.HIDDEN @ cases.WEIGHT.T + cases.BIAS)
    order = np.argsort(-log_p, axis=1)[:, :7]
    for one in found["probabilities"]:
        np.testing.assert_array_equal(one["topk"][1], order)
        np.testing.assert_allclose(one["topk"][0], np.take_along_axis(log_p, order, 1), atol=1e-12)
        np.testing.assert_array_equal(one["predict"], order[:, 0])


def test_samples_follow_the_probabilities_and_are_the_same_everywhere(found):
    first, *others = (one["sample"] for one in found["probabilities"])
    assert all(torch.equal(first, one) for one in others)
    p = functions.softmax(cases.HIDDEN[0] @ cases.WEIGHT.T + cases.BIAS)
    share = np.bincount(first.numpy(), minlength=cases.CLASSES) / len(first)
    np.testing.assert_allclose(share, p, atol=5 * 0.5 / np.sqrt(len(first)))


def test_second_derivatives_equal_one_process(found):
    h, w = cases.hidden(), torch.tensor(cases.WEIGHT, requires_grad=True)
    z = h @ w.T + torch.as_tensor(cases.BIAS)
    log_p = torch.log_softmax(z, dim=1)
    q = 0.9 * torch.as_tensor(cases.SOFT) + 0.1 / cases.CLASSES
    own = (-q * (1 - log_p.exp()).square() * log_p).sum(dim=1)
    loss = (own + 0.1 * z.logsumexp(dim=1).square()).square().sum()
    (grad,) = torch.autograd.grad(loss, h, create_graph=True)
    in_hidden, in_weight = torch.autograd.grad(grad.square().sum(), [h, w])
    ranks = found["second_derivatives"]
    for one in ranks:
        np.testing.assert_allclose(one["hidden"], in_hidden, rtol=1e-12, atol=1e-10)
    weight = np.concatenate([one["weight"] for one in ranks])
    np.testing.assert_allclose(weight, in_weight, rtol=1e-12, atol=1e-10)


def test_a_mean_of_nothing_is_what_was_asked_for(found):
    for one in found["nothing_counts"]:
        assert one["zero"] == 0
        assert torch.isnan(one["nan"])
        assert not one["hidden"].any()
        assert not one["weight"].any()


def test_ignored_rows_may_hold_anything_and_classes_may_be_impossible(found):
    ranks = found["infinite_rows"]
    h = cases.HIDDEN.copy()
    h[0] = np.nan
    exact = linear_cross_entropy_grad(
        h, cases.WEIGHT, ranks[0]["labels"].numpy(), ranks[0]["full bias"].numpy(),
        ignore_index=-100, focal_gamma=0.5,
    )  # fmt: skip
    assert np.isfinite(exact.loss)
    assert_same(ranks, exact, 1e-12)


def test_of_equal_logits_one_stands_outside_of_the_sum(found):
    ranks = found["ties"]
    exact = linear_cross_entropy_grad(cases.HIDDEN, 0 * cases.WEIGHT, cases.LABELS)
    for one in ranks:
        np.testing.assert_allclose(one["log_prob"], -np.log(cases.CLASSES), rtol=1e-15)
    weight = np.concatenate([one["weight"] for one in ranks])
    np.testing.assert_allclose(weight, exact.grad_weight, atol=1e-15)


def test_no_process_holds_more_logits_than_a_chunk_of_its_own(found):
    # 200 rows of 3000 classes are 600,000 logits, the own ones 300,000; a chunk has 15,000, and
    # the weights 6,000. (With more processes all of it is less.)
    for size in found["largest_tensor"]:
        assert size <= 15_000


def test_initial_weights_do_not_depend_on_the_number_of_processes(found):
    torch.manual_seed(3)
    alone = ShardedSoftmax(cases.WIDTH, cases.CLASSES).state_dict()
    for one in found["initial_weights"]:
        assert torch.equal(one["weight"], alone["weight"])
        assert torch.equal(one["bias"], alone["bias"])


def test_checkpoints_are_read_by_any_number_of_processes(found):
    ranks = found["checkpoints"]
    alone = ShardedSoftmax(cases.WIDTH, cases.CLASSES, dtype=torch.float64)
    alone.load_shards(one["own"] for one in ranks)
    full = FullSoftmax(cases.WIDTH, cases.CLASSES, dtype=torch.float64)
    full.load_state_dict(ranks[0]["full"])
    for name, exact in cases.state().items():
        assert torch.equal(alone.state_dict()[name], exact)
        assert torch.equal(full.state_dict()[name], exact)
        for one in ranks:
            own = slice(one["classes"].start, one["classes"].stop)
            assert torch.equal(one["sharded"][name], exact[own])


def test_weights_may_be_those_of_an_embedding():
    embedding = torch.nn.Embedding(cases.CLASSES, cases.WIDTH)
    before = embedding.weight.detach().clone()
    head = ShardedSoftmax(cases.WIDTH, cases.CLASSES, weight=embedding.weight)
    assert head.weight is embedding.weight
    assert torch.equal(embedding.weight, before)
    with pytest.raises(ShapeError, match=r"weight must have shape \(11, 5\)"):
        ShardedSoftmax(cases.WIDTH, cases.CLASSES, weight=torch.nn.Parameter(torch.ones(3, 5)))


def test_shards_must_add_up():
    head = ShardedSoftmax(cases.WIDTH, cases.CLASSES)
    with pytest.raises(ShapeError, match="must hold 11 classes together, got 22"):
        head.load_shards([head.state_dict(), head.state_dict()])


def test_a_split_must_fit():
    with pytest.raises(ParameterError, match="splits must hold 2 numbers of classes"):
        ClassSplit.of(10, 2, 0, [5, 4])
    assert ClassSplit.of(10, 4, 1, None) == ClassSplit((3, 3, 2, 2), 1)
    assert ClassSplit.of(10, 4, 2, None).own == range(6, 8)
