"""What every step is: one frozen value that describes one change; applying it to a model gives a new model."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, get_args, get_origin

from lissom.core.errors import LissomError
from lissom.core.progress import Deadline, Progress
from lissom.core.tables import Table, did_you_mean
from lissom.targets.target import Artefact, Target
from lissom.train.teacher import Answer
from lissom.train.team import ALONE, Team
from lissom.workload.workload import Workload

_PLAIN: dict[Any, tuple[type, ...]] = {int: (int,), float: (float, int), str: (str,), bool: (bool,)}  # as JSON has them
_CALLED: dict[Any, str] = {int: "a whole number", float: "a number", str: "a word", bool: "true or false"}
_EXAMPLES: dict[Any, str] = {int: "1", float: "1.0", str: '"name"', bool: "true"}
STEPS = Table(
    "step",
    {
        "nothing": "lissom.steps.nothing:Nothing",
        "prune": "lissom.steps.pruning.prune:Prune",
        "eliminate": "lissom.steps.pruning.eliminate:Eliminate",
        "drop_layers": "lissom.steps.depth.drop_layers:DropLayers",
        "low_rank": "lissom.steps.factorization.low_rank:LowRank",
        "factorise_embedding": "lissom.steps.factorization.embedding:FactoriseEmbedding",
        "separable": "lissom.steps.factorization.separable:SeparableConvolution",
        "sparsify": "lissom.steps.sparsity.sparsify:Sparsify",
        "reconstruct": "lissom.steps.repair.reconstruct:Reconstruct",
        "batchnorm": "lissom.steps.repair.batchnorm:ReestimateBatchNorm",
        "distill": "lissom.steps.distillation.distill:Distill",
        "distill_sequences": "lissom.steps.distillation.sequences:DistillSequences",
        "distill_int8": "lissom.steps.quantization.distilled:DistillInt8",
        "fp16": "lissom.steps.quantization.fp16:HalfPrecision",
        "int8": "lissom.steps.quantization.int8:QuantizeInt8",
        "int8_mixed": "lissom.steps.quantization.mixed:MixedInt8",
        "shortlist": "lissom.steps.shortlist.lexical:LexicalShortlist",
    },
)


@dataclass(frozen=True)
class Context:
    """What a step may look at besides the workload.

    ``answer`` gives the original's outputs by the fastest way there is; ``folder`` is where a step keeps what
    it can go on from after a kill; ``shared`` is where results are kept that do not depend on the trial. ``team`` are
    the processes that carry a step out together.
    """

    original: Workload
    target: Target
    answer: Answer
    folder: Path
    shared: Path
    seed: int = 0
    deadline: Deadline = field(default_factory=lambda: Deadline(None))
    progress: Progress = field(default_factory=lambda: Progress(False))
    team: Team = ALONE


@dataclass(frozen=True)
class Step(ABC):
    """The base of all steps. Fields are plain values, checked in the constructor, written as JSON.

    One ``of_format`` belongs to a change of the number format.
    """

    name: ClassVar[str]
    of_format: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_sizes(self)

    @abstractmethod
    def describe(self) -> str:
        """A few words for the table of moves."""

    def check(self, original: Workload) -> None:  # noqa: B027, few steps need something that may be missing
        """Find what the step needs beside the model, before anything slow begins.

        Raises:
            LissomError: something is not there, or does not suit the original.
        """

    def to_json(self) -> dict[str, Any]:
        """``{"step": name, field: value, ...}``."""
        return {"step": self.name, **asdict(self)}


def check_sizes(step: Step) -> None:
    """Refuse how much a step is told to look at, or how fast to learn, where that cannot be.

    Raises:
        LissomError: ``examples`` or ``batch`` is below 1, or ``rate`` is no number above 0.
    """
    settings = vars(step)
    for name in ("examples", "batch"):
        if settings.get(name, 1) < 1:
            raise LissomError(f"{name} of the step {step.name} is {settings[name]}", hint="give at least 1")
    if not 0 < settings.get("rate", 1.0) < math.inf:
        raise LissomError(f"rate of the step {step.name} is {settings['rate']:g}", hint="give a number such as 0.001")


class ModelStep(Step):
    """Gives a new model. One that ``learns`` takes most of the time, and several processes can share it; after one
    that is ``repairable`` what reads otherwise can be solved anew."""

    learns: ClassVar[bool] = False
    repairable: ClassVar[bool] = False

    @property
    def length(self) -> float:
        """How many epochs it learns; 0 for a step that does not."""
        return 0.0

    @abstractmethod
    def apply(self, workload: Workload, context: Context) -> Workload:
        """The workload with the changed model; the given one stays as it is."""


class ArtefactStep(Step):
    """Gives a new artefact, of a ``precision``: a runtime's own tool."""

    of_format = True
    precision: ClassVar[str]

    @abstractmethod
    def apply(self, artefact: Artefact, workload: Workload, context: Context) -> Artefact:
        """The changed artefact, in ``context.folder``; the given one stays as it is."""


def step_from_json(data: dict[str, Any]) -> Step:
    """Rebuild a step from its JSON form.

    Raises:
        LissomError: no step is called that, or it has no such setting, or one of another kind, or it lacks one.
    """
    kind = STEPS.get(data["step"])
    given = {key: _frozen(value) for key, value in data.items() if key != "step"}
    _check_settings(data["step"], {item.name: item.type for item in fields(kind)}, given)
    needed = [item.name for item in fields(kind) if item.default is MISSING and item.default_factory is MISSING]
    if missing := [name for name in needed if name not in given]:
        raise LissomError(f"the step {data['step']} lacks {' and '.join(missing)}", hint="add it to the plan")
    return kind(**given)


def _check_settings(step: str, known: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    """Refuse what a plan that was written by hand may have wrong: a name, or a word where a number has to be.

    What is neither plain nor a list of such is left to the step's constructor.
    """
    for name, value in given.items():
        if name not in known:
            hint = did_you_mean(name, known) or f"it has {', '.join(known)}"
            raise LissomError(f"the step {step} has no setting {name!r}", hint=hint)
        if not _fits(known[name], value):
            raise LissomError(f"{name} of the step {step} is {value!r}", hint=f"give {_written(known[name])}")


def _fits(kind: Any, value: Any) -> bool:
    inner = get_args(kind)
    if get_origin(kind) is not tuple:
        return kind not in _PLAIN or type(value) in _PLAIN[kind]
    if not isinstance(value, tuple):
        return False
    kinds = [inner[0]] * len(value) if inner[-1] is ... else list(inner)  # pyright: ignore[reportUnknownArgumentType]
    return len(kinds) == len(value) and all(map(_fits, kinds, value))  # pyright: ignore[reportUnknownArgumentType]


def _written(kind: Any) -> str:
    """The kind of a setting as a plan has it: ``a number``, ``a list like [["name", 1.0], ...]``."""
    return f"a list like {_like(kind)}" if get_origin(kind) is tuple else _CALLED.get(kind, f"a {kind.__name__}")


def _like(kind: Any) -> str:
    if get_origin(kind) is tuple:
        return f"[{', '.join('...' if inner is ... else _like(inner) for inner in get_args(kind))}]"
    return _EXAMPLES.get(kind, str(kind))


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownVariableType]
