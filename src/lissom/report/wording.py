"""The sentences that the terminal and the page share: ratios, misses, decisions, the outcome."""

from collections.abc import Iterable
from pathlib import Path

from lissom.core.records import Interval, LimitCheck, Trial
from lissom.plan.budget import DROP
from lissom.report.commands import loading
from lissom.report.standing import Standing, standing
from lissom.report.view import RunView
from lissom.tasks import disagreement_of

SAME = 0.005  # a ratio nearer to 1 than that is none
OPEN = 1.5  # an interval whose ends are so many times apart is said with the ratio


def times(before: float, after: float, *, less: str, more: str, same: str) -> str:
    """``"55x smaller"``, ``"1.2x larger"`` or what is said when nothing changed."""
    if before <= 0 or after <= 0 or abs(before / after - 1) < SAME:
        return same
    ratio, word = (before / after, less) if after < before else (after / before, more)
    if ratio < 1.1:
        return f"{abs(after / before - 1) * 100:.1f} % {word}"
    return f"{ratio:.0f}x {word}" if ratio >= 20 else f"{ratio:.2g}x {word}"


def lower(drop: float) -> str:
    """``"0.23 points lower"``, ``"0.12 points higher"`` or ``"the same"``."""
    if round(abs(drop), 2) == 0:
        return "the same"
    return f"{abs(drop):.2f} points {'lower' if drop > 0 else 'higher'}"


def interval(values: Interval, digits: int = 2) -> str:
    """``"95 %: -0.11 to 0.52"``."""
    return f"95 %: {values[0]:.{digits}f} to {values[1]:.{digits}f}"


def held_against(check: LimitCheck, drop_interval: Interval) -> str:
    """``"size 1.3 % of 2 %"``; for the drop with its interval in points."""
    used, allowed = check.used_text, check.allowed_text
    in_points = allowed.endswith(" points")
    text = f"{check.limit} {used.removesuffix(' points') if in_points else used} of {allowed}"
    if check.limit != DROP:
        return text
    return f"{text} ({interval(drop_interval)}{'' if in_points else ' points'})"


def missed(checks: Iterable[LimitCheck]) -> str:
    """By how much each limit was missed: ``"latency by 20 %"`` (of the limit), ``"drop 3.1 times its limit"``."""
    return ", ".join(f"{check.limit}{_excess(check)}" for check in checks if not check.met)


def decision(trial: Trial, delivered: Trial | None = None) -> str:
    """``"kept: ..."`` or ``"undone: ..."``; an undone one says so if it is what was ``delivered``."""
    word = "kept" if trial.kept else "undone"
    text = f"{word}: {trial.reason}" if trial.reason else word
    return f"{text}; delivered all the same, as the closest" if trial is delivered and not trial.kept else text


def warnings(view: RunView) -> tuple[str, ...]:
    """What must be read before any figure."""
    if loading(view.settings).get("limit"):
        return ("quick mode: little data and short training; these figures mean nothing",)
    return ()


def guard(view: RunView) -> str:
    """What was held against what, where there were no labels; else nothing."""
    disagreement = disagreement_of(view.settings.task, "" if view.baseline is None else view.baseline.metric)
    if view.measure == "score" or disagreement is None:
        return ""
    said = f"no labels were used: the drop is {disagreement}"
    verdict = view.verdict
    if verdict is None:
        return said
    divergence = (
        "" if verdict.divergence is None else f", divergence from its probabilities {verdict.divergence:.4f} nats"
    )
    return f"{said}; agreement {verdict.agreement:.2f} %{divergence}"


def agreement(view: RunView) -> str:
    """How much of the result's answers are the original's, where that is a measure of its own."""
    if view.verdict is None or not view.verdict.agreement or disagreement_of(view.settings.task) is None:
        return ""
    return f"Agreement with the original: {view.verdict.agreement:.1f} of 100"


def conditions(view: RunView) -> str:
    """What the original was measured as: ``"FP32, onnxruntime, 1 thread"``."""
    settings = view.settings
    threads = f"{settings.threads} {'thread' if settings.threads == 1 else 'threads'}"
    batch = f", batch {settings.batch}" if settings.batch != 1 else ""
    return f"FP32, {settings.target}, {threads}{batch}"


def outcome(view: RunView) -> str:
    """The result of a run, or how far it got, in a sentence or two."""
    now = standing(view)
    if view.verdict is None or now is None:
        state = f"{_tried(view)}."
        return f"{state} So far {gain(now)}." if now else state
    start = "Budget met" if view.met else f"Budget missed ({missed(now.limits)})"
    return f"{start}: {gain(now)}."


def gain(now: Standing) -> str:
    """``"the result is 55x smaller and 9x faster than the original, and its score is ..."``."""
    before, after = now.original.size_bytes, now.result.size_bytes
    size = times(before, after, less="smaller", more="larger", same="no smaller")
    score = f"{lower(now.drop)} ({interval(now.drop_interval)})"
    if not now.original.by_labels:
        score = f"{now.result.score:.2f} of 100 ({interval(now.result.score_interval)})"
    name = "score" if now.original.by_labels else "agreement with it"
    return f"the result is {size} and {speed(now)} than the original, and its {name} is {score}"


def speed(now: Standing) -> str:
    """``"9x faster"``; where the timings leave much open: ``"9x faster (95 %: 2x faster to 20x faster)"``."""

    def said(ratio: float) -> str:
        return times(1.0, ratio, less="faster", more="slower", same="no faster")

    told, ends = said(now.latency_ratio), now.latency_ratio_interval
    if ends is None or ends[1] < OPEN * ends[0]:
        return told
    return f"{told} (95 %: {said(ends[1])} to {said(ends[0])})"


def progress(view: RunView) -> str:
    """How far a run without a verdict got, held against its budget on the split it chooses by."""
    now, text = standing(view), _tried(view)
    return text if now is None else f"{text}; so far on the {now.result.split} split: {balance(now)}"


def balance(now: Standing) -> str:
    """Every limit with what was used of it."""
    return ", ".join(held_against(check, now.drop_interval) for check in now.limits)


def page_path(view: RunView) -> Path:
    """Where the page of this run lies."""
    return view.folder / "report.html"


def _tried(view: RunView) -> str:
    count = len(view.trials)
    state = "Ended without a verdict" if view.finished else "Not finished"
    return f"{state}: {count} {'move' if count == 1 else 'moves'} tried, {len(view.kept)} kept"


def _excess(check: LimitCheck) -> str:
    if check.allowed <= 0:
        return f" ({check.used_text} of {check.allowed_text})"
    share = check.used / check.allowed
    return f" by {(share - 1) * 100:.2g} %" if share < 1.995 else f" {share:.2g} times its limit"
