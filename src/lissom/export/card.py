"""The model card of a bundle: what it is, what it costs and scores, measured where, and what it is not for."""

from lissom.core.records import Figures, Machine, Settings, Verdict
from lissom.core.units import format_bytes, format_count, format_ms
from lissom.tasks import disagreement_of, input_of


def model_card(settings: Settings, machine: Machine, verdict: Verdict, steps: list[str], notes: list[str]) -> str:
    """The card as Markdown."""
    final, original = verdict.final, verdict.original
    name = final.measure
    low, high = verdict.drop_interval
    versions = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    met = "met" if verdict.met else "missed"
    lines = [
        f"# {settings.model}, made light",
        "",
        f"Task: {settings.task}. Target: {settings.target}, {settings.threads} thread(s), batch {settings.batch}.",
        f"Budget: {settings.budget}: {met}.",
        "",
        "| | original (FP32) | this |",
        "|---|---|---|",
        *(f"| {name} | {before} | {after} |" for name, before, after in _rows(original, final)),
        "",
        f"Drop: {verdict.drop:.2f} points (95 %: {low:.2f} to {high:.2f}).",
        f"Latency: {verdict.latency_ratio:.1%} of the original's, timed in turn in one process.",
        *_answers(settings.task, verdict),
        f"Measured on {machine.processor}, {machine.cores} cores, {versions}.",
        "",
        "## How it was made",
        "",
        *(f"- {step}" for step in steps),
        "",
        "## Use",
        "",
        "    pip install -r requirements.txt",
        f"    python predict.py {input_of(settings.task)}",
        "    python predict.py --verify",
        "",
        "## Limits",
        "",
        f"The {name} is of {final.examples} examples of {settings.data}, on the split that nothing was chosen by.",
        "On other data and on another processor, measure again: INT8 may round otherwise, latency will differ.",
    ]
    if notes:
        lines += ["", "## Notes", "", *(f"- {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def _answers(task: str, verdict: Verdict) -> list[str]:
    disagreement = disagreement_of(task, verdict.final.metric)
    if disagreement is None:
        return []
    divergence = "" if verdict.divergence is None else f", divergence {verdict.divergence:.4f} nats"
    lines = [f"Agreement with the original's answers: {verdict.agreement:.1f} %{divergence}."]
    if not verdict.final.by_labels:
        lines.append(f"No labels were used: the drop is {disagreement}.")
    return lines


def _rows(before: Figures, after: Figures) -> list[tuple[str, str, str]]:
    return [
        (before.measure, f"{before.score:.2f}", f"{after.score:.2f}"),
        ("latency (median)", format_ms(before.latency_ms), format_ms(after.latency_ms)),
        ("size", format_bytes(before.size_bytes), format_bytes(after.size_bytes)),
        ("peak memory", format_bytes(before.peak_memory_bytes), format_bytes(after.peak_memory_bytes)),
        ("multiply-adds", format_count(before.macs), format_count(after.macs)),
        ("parameters", format_count(before.parameters), format_count(after.parameters)),
    ]
