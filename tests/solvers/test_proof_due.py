"""The bound, which is dear, is asked for when it may show that the gap is small enough."""

import pytest

from luce.solvers.proof_due import ProofDue


@pytest.mark.parametrize(
    ("bound", "aim"), [(0.6, 0.025), (-9.0, 0.1 / 16), (0.95, 0.05), (1.1, 0.05)]
)
def test_it_is_due_again_when_the_main_term_has_fallen_as_far_as_the_gap_must(bound, aim):
    due = ProofDue(0.1)
    assert not due.at(0.11, 1.0)
    assert due.at(0.1, 1.0)
    due.learn(0.1, 1.0, bound)
    assert not due.at(1.01 * aim, 1.0)
    assert due.at(0.99 * aim, 1.0)
    due.forget()
    assert due.at(0.1, 1.0)
