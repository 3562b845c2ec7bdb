"""How much each single weight matters: by its size, or by its size times what it reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lissom.layers.text_model import real_tokens
from lissom.steps.repair.observe import Reading, inputs_first, tokens_first, watch, without_padding
from lissom.workload.workload import Batch

CRITERIA = ("magnitude", "wanda")


@dataclass
class Read:
    """A weight of a linear layer or convolution, and the mean square of each feature that it reads.

    ``squares`` is ``(groups, inputs, *kernel)`` (a linear layer has one group and no kernel); ``inputs_first`` says
    that the weight is ``(inputs, outputs)``; ``calls`` is what the mean is over.
    """

    squares: Tensor
    inputs_first: bool
    calls: int = 1


def what_is_read(model: nn.Module, names: Sequence[str], batches: Sequence[Batch]) -> dict[str, Read]:
    """Those of the named weights that linear layers and convolutions use, with what they read.

    Args:
        model: the model, in eval mode.
        names: parameters of two dimensions or more.
        batches: inputs.
    """
    weights = {name: model.get_parameter(name) for name in names}
    found: dict[str, Read] = {}
    real: tuple[Tensor, ...] = ()

    def seen(name: str, reading: Reading) -> bool:
        if reading.transposed:
            return False
        weight = weights[name]
        first = inputs_first(reading, weight)
        squares = _squares(reading, weight, without_padding(reading, real, tokens_first=name in by_token))
        if name not in found:
            found[name] = Read(squares, first)
        else:
            found[name].squares += squares
            found[name].calls += 1
        return False

    by_token = tokens_first(model, batches[0].inputs, weights) if batches else set[str]()
    for batch in batches:
        real = real_tokens(model, batch.inputs)
        watch(model, batch.inputs, weights, seen=seen)
    for item in found.values():
        item.squares /= item.calls
    return found


def score(weight: Tensor, read: Read, criterion: str) -> Tensor:
    """How much each weight matters, ``(outputs, inputs, *kernel)``.

    ``magnitude`` is the absolute weight (Han et al., 2015, "Learning both weights and connections", section 3);
    ``wanda`` is that times the root mean square of what it reads (Sun et al., 2024, "A simple and effective pruning
    approach for large language models", equation 1).
    """
    rows = (weight.T if read.inputs_first else weight).detach().abs().float()
    if criterion == "magnitude":
        return rows
    by_group = rows.reshape(len(read.squares), -1, *rows.shape[1:])
    return (by_group * read.squares.sqrt()[:, None].float()).reshape(rows.shape)


def _squares(reading: Reading, weight: Tensor, read: Tensor) -> Tensor:
    read = read.detach().square()
    if not reading.is_convolution:
        return read.reshape(-1, read.shape[-1]).mean(0, dtype=torch.float64)[None]
    kernel, out = weight.shape[2:], reading.written.shape[2:]
    read = read.mean(0, dtype=torch.float64)
    read = F.pad(read, [side for padding in reversed(reading.padding) for side in (padding, padding)])
    squares = torch.empty(len(read), *kernel, dtype=torch.float64)
    for place in torch.cartesian_prod(*(torch.arange(size) for size in kernel)).reshape(-1, len(kernel)).tolist():
        spans = zip(place, reading.dilation, reading.stride, out, strict=True)
        window = [slice(at * apart, at * apart + step * (size - 1) + 1, step) for at, apart, step, size in spans]
        squares[(slice(None), *place)] = read[(slice(None), *window)].flatten(1).mean(1)
    return squares.reshape(reading.groups, -1, *kernel)
