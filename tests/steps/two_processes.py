"""One of two processes that learn together: gradients of a lesson on its half of a batch, written to a file."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

from lissom.steps.distillation.lesson import Lesson, Term, taps
from lissom.steps.distillation.pairing import propose
from lissom.steps.distillation.teachers import Live
from lissom.testing import fresh_net, tiny_workload
from lissom.train.device import Device
from lissom.train.tapped import Tapped
from lissom.workload.workload import Batch

TERMS = (Term("logits"), Term("hints", 0.5), Term("attention_transfer", 10.0))
EXAMPLES = 16


def student_and_lesson() -> tuple[Tapped, Lesson]:
    """A narrow student and its lesson, the same in every process."""
    torch.manual_seed(0)
    student = torch.nn.Sequential()
    student.features = torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(6, 8, 3, padding=1)
    )
    student.rest = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 4))
    workload = tiny_workload(fresh_net())
    pairing = propose(student, fresh_net(1), workload.example)
    ours, theirs = taps(TERMS, pairing)
    lesson = Lesson(workload.task, Live(fresh_net(1), theirs, Device("cpu", mixed=False)), TERMS, pairing)
    return Tapped(student, ours), lesson


def examples(rank: int, of: int) -> Batch:
    """A share of the batch."""
    return tiny_workload(fresh_net()).splits.train.take(list(range(EXAMPLES))[rank::of])


def gradients(*modules: torch.nn.Module) -> list[torch.Tensor]:
    """Of all parameters, in order."""
    found = [parameter.grad for module in modules for parameter in module.parameters()]
    return [gradient for gradient in found if gradient is not None]


def main(rank: int, folder: Path) -> None:
    """Learn from one batch together with the other process."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    student, lesson = student_and_lesson()
    batch = examples(rank, 2)
    learner, objective = DistributedDataParallel(student), DistributedDataParallel(lesson)
    objective(learner(*batch.inputs), batch, 0).backward()
    torch.save(gradients(student, lesson), folder / f"gradients-{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
