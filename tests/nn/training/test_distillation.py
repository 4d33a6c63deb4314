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
    total, weight, right, counted = Distillation(teacher, temperature=T, alpha=alpha).measure(
        student, (X, y)
    )
    assert not teacher.training
    with torch.no_grad():
        says = teacher(X)
    torch.testing.assert_close(total / weight, plain(student(X), says, y, T, alpha))
    assert (int(right), int(counted)) == (int((student(X).argmax(1) == y).sum()), 90)
    (total / weight).backward()
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_rows_without_a_label_learn_from_the_teacher_alone(lesson):
    teacher, (X, y) = lesson
    student, says, some = nn.Linear(6, 3), teacher_logits(teacher, X), y.clone()
    some[::4] = 7
    objective = Distillation(teacher, alpha=0.5, ignore_index=7)
    total, weight, _, counted = objective.measure(student, (X, some))
    kept = some != 7
    assert counted == kept.sum()
    soft = plain(student(X), says, y, 4.0, 1.0)
    hard = cross_entropy(student(X[kept]), y[kept])
    torch.testing.assert_close(total / weight, 0.5 * soft.detach() + 0.5 * hard)
    total, weight, *_ = objective.measure(student, (X, torch.full_like(y, 7)))
    torch.testing.assert_close(total / weight, 0.5 * soft)


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
    total, weight, right, _ = Distillation(teacher, alpha=1.0).measure(student, (X,))
    assert right is None
    says, T = teacher_logits(teacher, X), 4.0
    soft = kl_div((student(X) / T).log_softmax(1), (says / T).softmax(1), reduction="batchmean")
    torch.testing.assert_close(total / weight, T**2 * soft)
    with pytest.raises(ParameterError, match="labels"):
        Distillation(teacher, alpha=0.5).measure(student, (X,))


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"alpha": 1.5}])
def test_impossible_options_are_named(options):
    with pytest.raises(ParameterError, match=next(iter(options))):
        Distillation(None, **options)
