import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, kl_div

from luce.errors import ParameterError
from luce.nn import Distillation, Plan, fit, teacher_logits

pytestmark = pytest.mark.once


@pytest.fixture
def lesson(rows):
    torch.manual_seed(5)
    teacher = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 3))
    return teacher, rows


def plain(student, teacher_says, labels, T, alpha):
    soft = kl_div(
        (student / T).log_softmax(1), (teacher_says / T).softmax(1), reduction="batchmean"
    )
    return alpha * T**2 * soft + (1 - alpha) * cross_entropy(student, labels)


@pytest.mark.parametrize(("T", "alpha"), [(1.0, 0.5), (4.0, 0.9), (2.5, 1.0), (3.0, 0.0)])
def test_the_loss_is_the_mixture_of_both_parts(lesson, T, alpha):
    teacher, (X, y) = lesson
    student = nn.Linear(6, 3)
    measured = Distillation(teacher, temperature=T, alpha=alpha).measure(student, (X, y))
    assert not teacher.training or alpha == 0
    with torch.no_grad():
        says = teacher(X)
    torch.testing.assert_close(measured.loss, plain(student(X), says, y, T, alpha))
    right = int((student(X).argmax(1) == y).sum())
    assert (int(measured.right), int(measured.counted)) == (right, 90)
    measured.loss.backward()
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_rows_without_a_label_learn_from_the_teacher_alone(lesson):
    teacher, (X, y) = lesson
    student, says, some = nn.Linear(6, 3), teacher_logits(teacher, X), y.clone()
    some[::4] = 7
    objective = Distillation(teacher, alpha=0.5, ignore_index=7)
    measured = objective.measure(student, (X, some))
    kept = some != 7
    assert measured.counted == kept.sum()
    soft = plain(student(X), says, y, 4.0, 1.0)
    hard = cross_entropy(student(X[kept]), y[kept])
    torch.testing.assert_close(measured.loss, 0.5 * soft.detach() + 0.5 * hard)
    measured = objective.measure(student, (X, torch.full_like(y, 7)))
    torch.testing.assert_close(measured.loss, 0.5 * soft)


def test_accumulated_batches_are_one_large_batch(lesson):
    """Labels are missing in one half, and rare where they count much."""
    teacher, (X, y) = lesson
    says, some = teacher_logits(teacher, X), torch.where(torch.arange(90) < 50, 7, y)
    weight = torch.tensor([0.2, 1.0, 5.0])
    found = []
    for size, accumulate in ((90, 1), (13, 7)):
        torch.manual_seed(0)
        student = nn.Linear(6, 3)
        objective = Distillation(None, alpha=0.3, ignore_index=7, weight=weight)
        plan = Plan(epochs=3, batch_size=size, accumulate=accumulate, optimizer="sgd")
        rows = (X, some, says)
        done = fit(student, objective, rows, valid=rows, plan=plan)
        assert done.steps == 3
        losses = [(entry["train_loss"], entry["valid_loss"]) for entry in done.history]
        found.append((student.weight, torch.tensor(losses)))
    for whole, parts in zip(*found, strict=True):
        torch.testing.assert_close(whole, parts, rtol=1e-5, atol=1e-6)


def test_the_weights_of_classes_are_brought_to_the_logits(monkeypatch):
    """Device "meta" stands for one that is not that of the weights."""
    found = []

    def told(logits, labels, *, weight, **options):
        found.append(weight.device)
        return logits.sum()

    monkeypatch.setattr("luce.nn.training.distillation.cross_entropy", told)
    objective = Distillation(None, alpha=0.0, weight=torch.ones(3))
    X, y = torch.zeros(4, 6, device="meta"), torch.zeros(4, dtype=torch.long, device="meta")
    measured = objective.measure(nn.Linear(6, 3, device="meta"), (X, y, X[:, :3]))
    assert found == [measured.weight.device] == [X.device]


def test_logits_computed_once_teach_the_same(lesson):
    teacher, (X, y) = lesson
    says = teacher_logits(teacher, X, batch_size=17)
    students = []
    for objective, rows in (
        (Distillation(teacher), (X, y)),
        (Distillation(None), (X, y, says)),
    ):
        torch.manual_seed(1)
        student = nn.Linear(6, 3)
        fit(student, objective, rows, plan=Plan(epochs=2, batch_size=30))
        students.append(student.weight)
    torch.testing.assert_close(*students)


def test_without_labels_the_teacher_is_enough(lesson):
    teacher, (X, _) = lesson
    student = nn.Linear(6, 3)
    measured = Distillation(teacher, alpha=1.0).measure(student, (X,))
    assert measured.right is None
    says, T = teacher_logits(teacher, X), 4.0
    soft = kl_div((student(X) / T).log_softmax(1), (says / T).softmax(1), reduction="batchmean")
    torch.testing.assert_close(measured.loss, T**2 * soft)
    with pytest.raises(ParameterError, match="labels"):
        Distillation(teacher, alpha=0.5).measure(student, (X,))


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"alpha": 1.5}])
def test_impossible_options_are_named(options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        Distillation(None, **options)
