"""Depth pruning: leave whole residual blocks and transformer layers out."""

import copy
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.layers.listening import looked_at, puts_into_words
from lissom.layers.replacement import PASSED, Replacement, put
from lissom.steps.depth.blocks import Block, find_blocks
from lissom.steps.repair.reconstruct import Reconstruct, reconstructed
from lissom.steps.step import Context, ModelStep
from lissom.workload.workload import Batch, Workload, calibration_batches

_EXAMPLES, _BATCH = 256, 64
_AFFORDED_S = 120.0


@dataclass(frozen=True)
class DropLayers(ModelStep):
    """Leave the named blocks out: what they are given goes through.

    The model stays of its own class, and all other layers keep their names. What comes after can be solved anew by
    :class:`lissom.steps.repair.reconstruct.Reconstruct`, and often makes up for most of it.
    """

    layers: tuple[str, ...]

    name = "drop_layers"
    repairable = True

    def describe(self) -> str:
        return f"drop {len(self.layers)} layers"

    def apply(self, workload: Workload, context: Context) -> Workload:
        return self.without(workload)

    def without(self, workload: Workload) -> Workload:
        """The workload without the blocks.

        Raises:
            LissomError: one of them cannot be left out.
        """
        blocks = {block.name: block for block in find_blocks(workload.module, workload.example)}
        for layer in self.layers:
            if layer not in blocks:
                raise LissomError(
                    f"{layer!r} is no block that can be left out: its input does not go through",
                    hint=f"blocks are {', '.join(blocks)}" if blocks else "the model has no residual blocks",
                )
        changes = [_replacement(blocks[layer]) for layer in self.layers]
        model = _without(workload.module, changes)
        error = _failure(model, workload.example)
        if error:
            raise LissomError(
                f"the model does not run without {', '.join(self.layers)}: {error}",
                hint="its code looks into its layers; choose another way to make it smaller",
            )
        return workload.with_module(model).with_changes(changes)


@torch.no_grad()
def least_needed(
    workload: Workload,
    count: int,
    *,
    examples: int = _EXAMPLES,
    batch: int = _BATCH,
    seed: int = 0,
    repaired: bool = False,
    progress: Progress | None = None,
) -> DropLayers:
    """The step that leaves out ``count`` blocks, one after the other the one without which the answers change least.

    After each one those that are left are judged again (Song et al., 2024, "SLEB: streamlining LLMs through redundancy
    verification and elimination of transformer blocks", algorithm 1). No labels are needed. Blocks that the workload
    keeps are not looked at.

    With ``repaired`` they are judged after all that comes behind was solved anew on one half of the sample, by the
    answers to the other half: that tells more and takes longer. What costs much by itself may cost little then
    (``benchmarks/depth.py``). As every block is needed more the fewer there are, a block that was judged before is
    judged again where it may be the next one alone (Minoux, 1978, "Accelerated greedy algorithms").

    Args:
        workload: model, task and data.
        count: how many blocks go.
        examples: of the training split, to compare answers on.
        batch: examples at a time.
        seed: of the sample.
        repaired: whether they are judged after a repair.
        progress: where to show it.

    Raises:
        LissomError: the model has too few blocks.
    """
    blocks = _candidates(workload)
    if not 0 < count <= len(blocks):
        raise LissomError(
            f"{count} layers cannot be dropped: {workload.name} has {len(blocks)} blocks that can be left out",
            hint=f"give 1 to {len(blocks)}" if blocks else "choose another way to make it smaller",
        )
    batches = calibration_batches(workload.splits.train, examples=examples, batch=batch, seed=seed)
    original = copy.deepcopy(workload.module).eval()
    solved = batches[: len(batches) // 2] if repaired else []
    judged_by = batches[len(solved) :]
    answers = [original(*taken.inputs) for taken in judged_by]
    gone: list[Block] = []
    known = {block.name: 0.0 for block in blocks}  # how far answers were without it, when it was last judged
    for _ in (progress or Progress(False)).track(range(count), "which layers matter least"):
        judged: set[str] = set()
        known = known if repaired else dict.fromkeys(known, 0.0)  # by themselves two can make up for each other
        while True:
            block = min((block for block in blocks if block not in gone), key=lambda block: known[block.name])
            if block.name in judged:
                break
            known[block.name] = _distance(workload, [*gone, block], judged_by, answers, solved)
            judged.add(block.name)
        gone.append(block)
    return DropLayers(tuple(block.name for block in gone))


def levels(workload: Workload, seed: int, progress: Progress) -> Iterator[DropLayers]:
    """Steps to try, from half of the blocks to one.

    Raises:
        LissomError: the model has no blocks that can be left out.
    """
    blocks = _candidates(workload)
    few = looked_at(workload.module)
    count = max(1, len(blocks) // 2)
    repaired = not workload.changes and _judging_s(workload, len(blocks) + 2 * count) <= _AFFORDED_S
    half = least_needed(workload, count, seed=seed, repaired=repaired, progress=progress, **few)
    counts = sorted({-(-len(half.layers) // part) for part in (1, 2, 4)}, reverse=True)
    return (DropLayers(half.layers[:count]) for count in (*counts, *([1] if counts[-1] > 1 else [])))


def _candidates(workload: Workload) -> list[Block]:
    """The blocks that may be left out."""
    return [block for block in find_blocks(workload.module, workload.example) if not workload.leaves_alone(block.name)]


@torch.no_grad()
def _judging_s(workload: Workload, times: int) -> float:
    """About the seconds of judging blocks so many times after a repair, which takes half of the sample as far as each
    layer through the network; infinite where answers are put into words."""
    if puts_into_words(workload.module):
        return math.inf
    (batch,) = calibration_batches(workload.splits.train, examples=_BATCH, batch=_BATCH, seed=0)
    model = copy.deepcopy(workload.module).eval()
    model(*batch.inputs)
    start = time.monotonic()
    model(*batch.inputs)
    passes = _EXAMPLES / 2 / len(batch.indices)
    layers = sum(parameter.dim() > 1 for parameter in model.parameters())
    return times * (1 + layers / 4) * passes * (time.monotonic() - start)


def _replacement(block: Block) -> Replacement:
    """What stands in a block's place."""
    return Replacement(block.name, PASSED, {"items": block.items})


def _without(module: nn.Module, changes: Sequence[Replacement]) -> nn.Module:
    """A copy of the model with blocks left out."""
    model = copy.deepcopy(module).eval()
    for change in changes:
        put(model, change.module, change.build())
    return model


@torch.no_grad()
def _failure(model: nn.Module, inputs: tuple[Tensor, ...]) -> str:
    try:
        model(*inputs)
    except Exception as error:  # whatever the user's forward raises
        return str(error) or type(error).__name__
    return ""


def _distance(
    workload: Workload, gone: list[Block], batches: list[Batch], answers: list[object], solved: list[Batch]
) -> float:
    """How far the answers are without some blocks; after a repair, where there are batches to solve it on."""
    changes = [_replacement(block) for block in gone]
    model = _without(workload.module, changes)
    if _failure(model, workload.example):  # the model's code looks into this layer
        return math.inf
    if solved:
        short = replace(workload, module=model, changes=tuple(changes))
        model = reconstructed(short, workload.module, solved, Reconstruct.ridge, Progress(False)).module
    far: list[Tensor] = [
        workload.task.distance(model(*taken.inputs), answer) for taken, answer in zip(batches, answers, strict=True)
    ]
    distance = float(torch.stack(far).mean())
    return math.inf if math.isnan(distance) else distance
