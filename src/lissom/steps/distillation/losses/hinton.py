"""Plain distillation of answers."""

from torch import Tensor

from lissom.tasks.softened import softened_distance


def hinton(student: Tensor, teacher: Tensor, *, temperature: float = 4.0) -> Tensor:
    """Kullback-Leibler divergence from the teacher's softened answer, times the temperature squared, a scalar.

    Hinton, Vinyals and Dean, 2015, "Distilling the knowledge in a neural network", section 2.

    Args:
        student: scores before the softmax, ``(batch, classes)``.
        teacher: likewise.
        temperature: divides both before the softmax.
    """
    return softened_distance(student, teacher, temperature)
