"""Whether a model can learn is asked in training mode, and a machine without memory is no reason against it."""

import pytest
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.testing.tiny import tiny_workload
from lissom.train.trying import check_trains


class Failing(nn.Module):
    """Answers in evaluation mode alone."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.layer, self.error = nn.Linear(1, 2), error

    def forward(self, pictures: Tensor) -> Tensor:
        if self.training:
            raise self.error
        return self.layer(pictures.mean((1, 2, 3))[:, None])


def test_a_model_that_answers_but_cannot_be_trained_is_refused_with_its_reason() -> None:
    workload = tiny_workload()
    check_trains(workload.module, workload.splits.train, "tiny")
    with pytest.raises(LissomError, match="one cannot be trained: its forward fails in training mode: no heads"):
        check_trains(Failing(ValueError("no heads")), workload.splits.train, "one")


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_what_the_machine_lacks_is_not_laid_on_the_model(error: Exception) -> None:
    with pytest.raises(type(error)):
        check_trains(Failing(error), tiny_workload().splits.train, "one")
