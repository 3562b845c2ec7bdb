"""Whether a model can learn at all, asked before the time is spent."""

import copy

import torch
from torch import nn

from lissom.core.errors import NO_MEMORY, LissomError
from lissom.train.device import best_device
from lissom.workload.workload import Split

HINTS = (
    "build it without what only training uses, such as auxiliary heads, or give larger inputs",
    "--plan int8 changes the number format and trains nothing",
)


def check_trains(module: nn.Module, split: Split, name: str) -> None:
    """Refuse a model that answers in evaluation alone.

    Args:
        module: the model; it is not changed.
        split: of which it is given two examples, in training mode.
        name: what the message calls it.

    Raises:
        LissomError: its forward fails, with the reason that it gives.
    """
    reason = fails_to_train(module, split)
    if reason:
        raise LissomError(f"{name} cannot be trained: its forward fails in training mode: {reason}", hint=HINTS)


def fails_to_train(module: nn.Module, split: Split) -> str:
    """The first line of what a forward in training mode raises on two examples; empty where it runs."""
    device = best_device().suited(module, split)
    learner = device.place(copy.deepcopy(module)).train()
    sent = device.send(split.take(list(range(min(2, len(split)))), view=0))
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())), torch.no_grad(), device.autocast():
            learner(*sent.inputs)
    except MemoryError:
        raise
    except Exception as error:  # the user's own forward may raise anything
        if NO_MEMORY in str(error):
            raise
        return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    return ""
