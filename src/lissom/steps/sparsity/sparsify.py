"""Unstructured and N:M sparsity: single weights are set to zero, and stay there."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lissom.core.errors import LissomError
from lissom.core.progress import Progress
from lissom.layers.listening import looked_at
from lissom.steps.sparsity.masks import SCOPES, by_share, n_of_m
from lissom.steps.sparsity.scores import CRITERIA, Read, score, what_is_read
from lissom.steps.step import Context, ModelStep, check_sizes
from lissom.workload.changes import Zeros
from lissom.workload.workload import Workload, calibration_batches

NO_FASTER = (
    "the runtimes here multiply by zeros like by any number: no faster, and smaller only when the file is compressed; "
    "2:4 is faster on GPUs with sparse tensor cores (Ampere and later)"
)
_NAMED = 5


@dataclass(frozen=True)
class Sparsify(ModelStep):
    """Set the weights that matter least to zero; training leaves them there.

    ``pattern`` is empty for single weights, of which ``share`` goes, or ``(n, m)``: of every ``m`` neighbours along
    the inputs ``n`` stay. ``criterion`` is ``magnitude`` or ``wanda`` (by what is read, no labels). ``scope`` is where
    single weights are compared: in each ``row``, in each ``layer``, or over all layers (``global``). Layers that the
    workload keeps stay whole.
    """

    share: float = 0.5
    pattern: tuple[int, ...] = ()
    criterion: str = "magnitude"
    scope: str = "global"
    examples: int = 256
    batch: int = 64

    name = "sparsify"

    def __post_init__(self) -> None:
        check_sizes(self)
        if not 0 < self.share < 1:
            raise LissomError(f"a share of {self.share} of the weights cannot be zero", hint="give 0.01 to 0.99")
        if self.pattern and not (len(self.pattern) == 2 and 0 < self.pattern[0] < self.pattern[1]):
            raise LissomError(f"the pattern {self.pattern} is not N of M", hint="give (2, 4): two of four stay")
        for what, value, known in (("criterion", self.criterion, CRITERIA), ("scope", self.scope, SCOPES)):
            if value not in known:
                raise LissomError(f"the {what} {value!r} is not known", hint=f"known: {', '.join(known)}")

    def describe(self) -> str:
        return f"{'{}:{}'.format(*self.pattern) if self.pattern else f'{self.share:.0%}'} zeros by {self.criterion}"

    def apply(self, workload: Workload, context: Context) -> Workload:
        model = copy.deepcopy(workload.module).eval()
        tensors = {name: tensor for name, tensor in model.named_parameters() if tensor.dim() > 1}
        names = [name for name in tensors if not workload.leaves_alone(name)]
        batches = calibration_batches(
            workload.splits.train, examples=self.examples, batch=self.batch, seed=context.seed
        )
        read = what_is_read(model, names, list(context.progress.track(batches, "what layers read")))
        masks = self._masks(model, read)
        if not masks:
            raise LissomError("no layer can be made sparse", hint="linear layers and convolutions can")
        zeros = _write(model, read, masks)
        whole = [name for name in tensors if name not in masks]
        return workload.with_module(model).with_changes([Zeros(tuple(masks))]).with_notes(_notes(zeros, masks, whole))

    def _masks(self, model: nn.Module, read: Mapping[str, Read]) -> dict[str, Tensor]:
        scores = {name: score(model.get_parameter(name), item, self.criterion) for name, item in read.items()}
        if not self.pattern:
            return by_share(scores, self.share, self.scope)
        n, m = self.pattern
        return {name: n_of_m(found, n, m) for name, found in scores.items() if found.shape[1] % m == 0}


@torch.no_grad()
def _write(model: nn.Module, read: Mapping[str, Read], masks: Mapping[str, Tensor]) -> float:
    """Put zeros in place; their share of all weights that have a mask."""
    zeros = total = 0
    for name, mask in masks.items():
        weight = model.get_parameter(name)
        weight.mul_(mask.T if read[name].inputs_first else mask)
        zeros, total = zeros + int((weight == 0).sum()), total + weight.numel()
    return zeros / total


def _notes(zeros: float, masks: Mapping[str, Tensor], whole: list[str]) -> list[str]:
    notes = [f"{zeros:.1%} of the weights of {len(masks)} layers are zero: {NO_FASTER}"]
    if whole:
        more = f" and {len(whole) - _NAMED} more" if len(whole) > _NAMED else ""
        notes.append(f"left without zeros: {', '.join(whole[:_NAMED])}{more}")
    return notes


def levels(workload: Workload, seed: int, progress: Progress) -> Iterator[Sparsify]:
    """The one step to try."""
    yield Sparsify(**looked_at(workload.module))
