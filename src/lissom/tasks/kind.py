"""What the command line, the card and the bundle need to know of a task before it is loaded, without torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib import import_module
from typing import TYPE_CHECKING, Any

from lissom.core.errors import LissomError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import nn

    from lissom.core.progress import Progress
    from lissom.workload.request import Request
    from lissom.workload.workload import Workload

ToInt8 = Callable[[bytes, Sequence[Sequence[Any]]], bytes]  # an ONNX file, and calibration inputs in batches


@dataclass(frozen=True)
class Option:
    """An option of the command line that only some tasks have.

    Args:
        name: of the field in the task's options.
        type: what the command line reads it as.
        help: a line.
        read: makes the value of what was typed, given the option's name and the text.
    """

    name: str
    type: type
    help: str
    read: Callable[[str, str], Any] | None = None

    @property
    def flag(self) -> str:
        """As it is typed."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def joined(self) -> bool:
        """Whether it takes several values, by commas."""
        return self.read is not None


@dataclass(frozen=True)
class Kind:
    """A task as the table has it.

    Args:
        examples: what they are called, e.g. ``"pictures"``.
        input: what ``predict.py`` takes, as a usage line has it.
        loader: the ``module:function`` that makes the workload of a model, a request, settings and progress.
        settings: the ``module:class``, a dataclass, that holds the options of a call.
        handling: the package whose ``handling.py`` the bundle carries.
        requirements: what that needs to be installed.
        options: its own of the command line.
        attach: the ``module:function`` that makes further files of the bundle, by name, from the module that is
            delivered, its example inputs and, where some of its layers are in INT8, what makes ONNX files so.
        answers: the ``module:function`` that makes the answers ``(examples, ...)`` of a loaded artefact, inputs and the
            handling; by default they are what the artefact gives.
        carried: further modules of lissom that the bundle has as files, by name of the file.
        quick: examples of each split in a trial run; few where each one takes long.
        other: the ``module:function`` that gives the kind of another task which a model and a request are really for,
            or ``None`` where they are for this one.
        disagreement: what the drop is where there are no labels, which is 100 less the agreement with the original;
            ``None``: there is no such measure of its own.
        percent_lost: whether its score is minus what is lost against the original in percent, so that the original
            scores 0 and a drop in percent is one in points.
        otherwise: the same for metrics of which it is something else, by name.
        shown: how many training examples ``attach`` is given.
        varied: whether augmented views of an example differ so much that the original, as the teacher, has to answer to
            each.
        hope: how many times the allowed drop a cut may lose before it is trained, and still be expected to keep within
            it afterwards.
    """

    examples: str
    input: str
    loader: str
    handling: str
    settings: str
    requirements: tuple[str, ...]
    options: tuple[Option, ...] = ()
    attach: str | None = None
    answers: str | None = None
    carried: Mapping[str, str] = field(default_factory=dict[str, str])
    quick: int = 500
    other: str | None = None
    disagreement: str | None = "the share of answers that are not the original's"
    percent_lost: bool = False
    otherwise: Mapping[str, str] = field(default_factory=dict[str, str])
    hope: float = 2.5
    shown: int = 1
    varied: bool = False

    def answer(
        self, runner: Any, inputs: "Sequence[npt.NDArray[Any]]", handling: Mapping[str, Any]
    ) -> "npt.NDArray[np.generic]":
        """The answers of a loaded artefact to a batch of inputs, ``(examples, ...)``: what is scored and timed."""
        return runner.run(inputs)[0] if self.answers is None else _imported(self.answers)(runner, inputs, handling)

    def attached(self, workload: "Workload", to_int8: "ToInt8 | None" = None) -> dict[str, bytes]:
        """What the bundle of a delivered model has beside its artefact, by name of the file.

        Args:
            workload: with the delivered model.
            to_int8: makes an INT8 file of an ONNX file and calibration inputs; ``None``: nothing is to be in INT8.
        """
        if self.attach is None:
            return {}
        from lissom.workload.workload import calibration_batches  # torch, which the table does without

        batches = calibration_batches(workload.splits.train, examples=self.shown, batch=self.shown, seed=0)
        return _imported(self.attach)(workload.module, batches[0].inputs, to_int8)

    def load(
        self, model: "str | nn.Module", request: "Request", options: dict[str, Any], progress: "Progress"
    ) -> "Workload":
        """The workload of a model and data.

        Raises:
            LissomError: anything that the user can mend, an option that there is not among it.
        """
        other = None if self.other is None else _imported(self.other)(model, request)
        if other is not None:
            return other.load(model, request, options, progress)
        loader, settings = _imported(self.loader), _imported(self.settings)
        known = [field.name for field in fields(settings)]
        for name in options:
            if name not in known:
                raise LissomError(f"there is no option {name!r} for {self.examples}", hint=f"known: {', '.join(known)}")
        return loader(model, request, settings(**options), progress)


def _imported(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def words(_option: str, text: str) -> list[str]:
    """``a, b`` as a list."""
    return [part.strip() for part in text.split(",")]


def numbers(option: str, text: str) -> tuple[float, ...]:
    """``0.1,0.2`` as numbers.

    Raises:
        LissomError: it is none.
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise LissomError(f"{option} {text!r} is not numbers", hint=f"write {option} 0.485,0.456,0.406") from error
