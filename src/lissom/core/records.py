"""What a run writes down: plain values with a JSON form, so that a report needs no model and no torch.

A record is one line of ``ledger.jsonl``: ``{"schema": 1, "kind": ..., "key": ..., "value": {...}}``.
"""

from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

SCHEMA = 1
Interval = tuple[float, float]
Value = TypeVar("Value")


@dataclass(frozen=True)
class Figures:
    """What was measured of one artefact on the target.

    Args:
        score: higher is better, 0 to 100 where the task's measure allows.
        score_interval: 95 %.
        latency_ms: the median of a batch of the size in the settings.
        latency_interval_ms: of the median, 95 %.
        latency_p95_ms: the 95th percentile of single timings.
        size_bytes: of all files of the artefact.
        macs: multiply-adds of one forward, attention included.
        parameters: how many numbers the model holds.
        peak_memory_bytes: what loading the artefact and running it once adds to a process.
        split: which examples the score is of.
        latency_samples_ms: single timings, for the distribution in the report.
        score_by_class: in class order, ``None`` for a class without examples; empty where there are no classes.
        examples: how many the score is of (0: not written down).
        by_labels: whether labels were scored against; without them the score is agreement with the original.
        metric: which of its task's metrics the score is, such as ``"spearman"``; empty where the task has one.
    """

    score: float
    score_interval: Interval
    latency_ms: float
    latency_interval_ms: Interval
    latency_p95_ms: float
    size_bytes: int
    macs: int
    parameters: int
    peak_memory_bytes: int
    split: str = "select"
    latency_samples_ms: tuple[float, ...] = ()
    score_by_class: tuple[float | None, ...] = ()
    examples: int = 0
    by_labels: bool = True
    metric: str = ""

    @property
    def measure(self) -> str:
        """What the score is: ``"score"``, or ``"agreement"`` where there were no labels."""
        return "score" if self.by_labels else "agreement"


@dataclass(frozen=True)
class Entrant:
    """The original on one target in one precision, in a race of all of them.

    What could not be made has no figures. ``drop`` is in points, on a sample of the select split; 0 where the
    precision is that of the original, or where it was too slow to be asked. ``reason`` says why it was chosen or not.
    """

    target: str
    precision: str
    latency_ms: float | None = None
    latency_interval_ms: Interval | None = None
    size_bytes: int | None = None
    drop: float = 0.0
    drop_interval: Interval = (0.0, 0.0)
    samples: int = 0
    chosen: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Width:
    """One layer's width: output channels (or features, heads) before and after."""

    layer: str
    kind: str
    before: int
    after: int


@dataclass(frozen=True)
class Trial:
    """One move applied and measured, with its decision on the select split.

    ``drop`` is in points against the original on the same examples, ``drop_interval`` its paired-bootstrap
    interval; ``latency_ratio`` is against the original, interleaved in the same process. ``seconds`` is what the
    whole trial took, ``parts_seconds`` what each of its steps did.
    """

    number: int
    move: str
    steps: tuple[dict[str, Any], ...]
    figures: Figures | None
    kept: bool
    reason: str
    seconds: float
    drop: float = 0.0
    drop_interval: Interval = (0.0, 0.0)
    latency_ratio: float = 1.0
    parts_seconds: dict[str, float] = field(default_factory=dict[str, float])
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LimitCheck:
    """One limit of the budget against what was measured: ``used`` and ``allowed`` in the limit's own unit."""

    limit: str
    used: float
    allowed: float
    used_text: str
    allowed_text: str
    met: bool


@dataclass(frozen=True)
class Verdict:
    """The final measurement on the test split, opened once, for the result alone.

    ``drop`` is in points, ``latency_ratio`` is against the original's in the same process; intervals are 95 %.
    ``agreement`` is the score of the result where the original's answers are taken for the truth, ``divergence`` the
    mean Kullback-Leibler divergence of its classes' probabilities from the original's, in nats (``None``: no classes).
    """

    met: bool
    original: Figures
    final: Figures
    drop: float
    drop_interval: Interval
    latency_ratio: float
    latency_ratio_interval: Interval
    limits: tuple[LimitCheck, ...]
    classes: tuple[str, ...] = ()
    widths: tuple[Width, ...] = ()
    agreement: float = 0.0
    divergence: float | None = None


@dataclass(frozen=True)
class Neighbour:
    """An off-the-shelf smaller model beside which the result is shown.

    ``score`` is ``None`` where it has none on these data; ``source`` says what its figures are of.
    """

    name: str
    size_bytes: int
    macs: int
    latency_ms: float
    score: float | None
    source: str


@dataclass(frozen=True)
class Sample:
    """One example of the test split that the page shows, and plays where it is sound.

    ``content`` is a file of the type ``media`` in base64; both are empty for a text, which is the ``name`` itself.
    ``truth`` (empty where there are no labels), ``original`` and ``result`` are names of classes, or texts.
    """

    name: str
    media: str
    content: str
    truth: str
    original: str
    result: str


@dataclass(frozen=True)
class Picture:
    """A PNG in base64, and what is said below it."""

    content: str
    caption: str


@dataclass(frozen=True)
class Sight:
    """One example of the test split that the page shows: what went in, and what came out, side by side."""

    name: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Curve:
    """Rates in bits a pixel and PSNR in dB, ``(points,)`` each, by quality."""

    name: str
    rates: tuple[float, ...]
    psnrs: tuple[float, ...]


@dataclass(frozen=True)
class Settings:
    """All that decides what a run does. Other settings on the same folder are refused."""

    model: str
    data: str
    task: str
    budget: str
    target: str
    threads: int
    batch: int
    seed: int
    options: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Machine:
    """Where figures were measured."""

    processor: str
    cores: int
    instructions: tuple[str, ...]
    system: str
    versions: dict[str, str]


def to_json(value: Any) -> Any:
    """The JSON form of a record (dataclasses become objects, tuples become lists)."""
    if is_dataclass(value) and not isinstance(value, type):
        return {key: to_json(item) for key, item in asdict(value).items()}
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def from_json(kind: type[Value], data: Any) -> Value:
    """Rebuild a record of type ``kind``; fields that this version does not know are left out."""
    return _revive(kind, data)


def _revive(hint: Any, data: Any) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        known = {item.name for item in fields(hint)}
        return hint(**{key: _revive(hints[key], item) for key, item in data.items() if key in known})
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple and data is not None:
        if len(arguments) == 2 and arguments[1] is ...:
            return tuple(_revive(arguments[0], item) for item in data)
        return tuple(_revive(inner, item) for inner, item in zip(arguments, data, strict=True))
    if arguments and type(None) in arguments:
        inner = next(argument for argument in arguments if argument is not type(None))
        return None if data is None else _revive(inner, data)
    return data
