"""Peak live bytes of a sequence of operators, when each tensor is freed after its last use.

What is alive is storages, not tensors: a view costs nothing, an operator in place neither.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary


@dataclass
class _Life:
    bytes: int
    born: int
    last: int
    constant: bool


class Lifetimes:
    """Writes down when each storage is made and last used.

    ``step`` counts operators from 1; step 0 is before the first. Storages are told apart by weak references,
    so that nothing is kept alive and a reused address is not mistaken for the tensor that was there before.
    """

    def __init__(self) -> None:
        self.step = 0
        self._lives: list[_Life] = []
        self._numbers = WeakIdKeyDictionary()
        self._kept: list[torch.UntypedStorage] = []

    def add_constants(self, tensors: Iterable[Tensor]) -> None:
        """Parameters and buffers: known, independent of the input, and no activations."""
        for tensor in tensors:
            self._life(tensor, bytes_if_new=0, constant=True)

    def add_inputs(self, tensors: Iterable[Tensor]) -> None:
        """Inputs live all the time, because the caller holds them."""
        for tensor in tensors:
            self._life(tensor, constant=False)
            self._kept.append(tensor.untyped_storage())

    def add_outputs(self, tensors: Iterable[Tensor]) -> None:
        """Outputs live until the end."""
        for tensor in tensors:
            self._life(tensor, constant=False).last = self.step + 1
            self._kept.append(tensor.untyped_storage())

    def is_constant(self, tensor: Tensor) -> bool:
        """Whether the tensor was computed from parameters, buffers and constants alone."""
        return self._life(tensor, bytes_if_new=0, constant=True).constant

    def record(self, inputs: Iterable[Tensor], outputs: Iterable[Tensor]) -> int:
        """One operator ran.

        Returns:
            The bytes of storages that it made.
        """
        self.step += 1
        # A tensor that nobody announced (made outside of the forward, kept by the model) is a constant.
        read = [self._life(tensor, bytes_if_new=0, constant=True) for tensor in inputs]
        constant = all(life.constant for life in read)
        known = len(self._lives)
        written = [self._life(tensor, constant=constant) for tensor in outputs]
        for life in read + written:
            life.last = self.step
        for life in written:
            # A full-size constant that data are written into is data from then on.
            life.constant = life.constant and constant
        return sum(life.bytes for life in self._lives[known:])

    def peak(self) -> tuple[int, int]:
        """The peak in bytes, and the step at which it is reached first."""
        for storage in self._kept:
            self._lives[self._numbers[storage]].last = self.step + 1
        change = [0] * (self.step + 3)
        for life in self._lives:
            change[life.born] += life.bytes
            change[life.last + 1] -= life.bytes
        live = peak = at = 0
        for step, difference in enumerate(change):
            live += difference
            if live > peak:
                peak, at = live, step
        return peak, at

    def _life(self, tensor: Tensor, *, constant: bool, bytes_if_new: int | None = None) -> _Life:
        storage = tensor.untyped_storage()
        number = self._numbers.get(storage)
        if number is None:
            number = self._numbers[storage] = len(self._lives)
            size = storage.nbytes() if bytes_if_new is None else bytes_if_new
            self._lives.append(_Life(size, self.step, self.step, constant))
        return self._lives[number]
