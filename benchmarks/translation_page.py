"""The section on translation of docs/results.md, from what benchmarks/translation.py measured."""

import json
from pathlib import Path
from typing import Any

from lissom.core.units import format_bytes, format_ms

RESULTS = Path(__file__).parent / "results" / "translation.json"
KEPT, GAIN, LOSS, FASTER = 0.95, 1.5, 0.5, 5.0  # what was asked for
LEARNT = 0.5  # of the best seed's BLEU: a training that ends below has failed, and is in no mean


def section() -> list[str]:
    """The lines; none where nothing was measured yet."""
    if not RESULTS.exists():
        return []
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    models, machine = found["models"], found["machine"]
    signature = models["teacher"]["fp32"]["beams 1"]["signature"]
    columns = ("model", "parameters", "precision", "size", "BLEU, greedy", "chrF", "BLEU, 4 beams", "below the teacher")
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return [
        "",
        "## Translation: English to German, image captions",
        "",
        "Multi30k (Elliott et al. 2016): 29,000 pairs to learn from, 1,000 of test_2016_flickr to be judged by, which",
        "nothing was chosen by. Teacher and students are Marian models of transformers, random at first. Students are",
        "of one shape and learn for as many steps; *references* and *distilled* differ in the German sentences alone:",
        f"people's, or the teacher's by {found['settings']['beams']} beams (Kim and Rush 2016). BLEU: `{signature}`.",
        "",
        f"| {' | '.join(columns)} |",
        "|" + "---|" * len(columns),
        *(_line(found, name, precision) for name in models for precision in ("fp32", "int8")),
        "",
        *_verdicts(found),
        *_shortlists(found),
        *_times(found),
        *_equal(found),
        f"By `benchmarks/translation.py` ({_settings(found)}).",
        f"Measured on {machine['processor']} ({machine['cores']} cores); {versions}.",
    ]


def _settings(found: dict[str, Any]) -> str:
    return "; ".join(f"{name} `{found['settings'][name]}`" for name in ("teacher", "student"))


def _line(found: dict[str, Any], name: str, precision: str) -> str:
    model = found["models"][name]
    greedy, beams = (model[precision][f"beams {count}"] for count in (1, found["settings"]["beams"]))
    drop = found["drops"][f"{name} {precision}, beams 1"]
    low, high = drop["interval"]
    cells = (
        name.replace("-", ", seed "),
        f"{model['parameters']:,}",
        precision.upper(),
        format_bytes(model[precision]["size_bytes"]),
        f"{greedy['bleu']:.1f}",
        f"{greedy['chrf']:.1f}",
        f"{beams['bleu']:.1f}",
        "" if (name, precision) == ("teacher", "fp32") else f"{drop['drop']:.1f} ({low:.1f} to {high:.1f})",
    )
    return f"| {' | '.join(cells)} |"


def _of(found: dict[str, Any], how: str, precision: str) -> dict[str, float]:
    """BLEU, greedy, of all models of a kind by their names."""
    models = found["models"].items()
    return {name: model[precision]["beams 1"]["bleu"] for name, model in models if name.partition("-")[0] == how}


def _bleu(found: dict[str, Any], how: str, precision: str) -> list[float]:
    """BLEU, greedy, of those of a kind that learnt."""
    values = list(_of(found, how, precision).values())
    return [value for value in values if value >= LEARNT * max(values)]


def _failed(found: dict[str, Any]) -> list[str]:
    """Trainings that learnt nothing."""
    lines: list[str] = []
    for how in ("distilled", "references"):
        values = _of(found, how, "fp32")
        for name, value in values.items():
            if value < LEARNT * max(values.values()):
                lines.append(f"- {name.replace('-', ', seed ')} did not learn ({value:.1f} BLEU), and is in no mean.")
    return lines


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _verdicts(found: dict[str, Any]) -> list[str]:
    """What was asked for, and whether it was reached."""
    teacher = _bleu(found, "teacher", "fp32")[0]
    distilled, references = (_bleu(found, how, "fp32") for how in ("distilled", "references"))
    if not distilled or not references:
        return []
    share = found["models"]["distilled-0"]["parameters"] / found["models"]["teacher"]["parameters"]
    kept, gain = _mean(distilled) / teacher, _mean(distilled) - _mean(references)
    loss = _mean(distilled) - _mean(_bleu(found, "distilled", "int8"))
    seeds = min(len(distilled), len(references))
    return [
        f"Greedy, means of {seeds} {'seed' if seeds == 1 else 'seeds'}:",
        "",
        f"- {share:.1%} of the parameters keep {kept:.1%} of the BLEU (asked: {KEPT:.0%}): {_word(kept >= KEPT)}.",
        f"- What the teacher says gives {gain:+.1f} BLEU over references (asked: +{GAIN:g}): {_word(gain >= GAIN)}.",
        f"- INT8 costs {loss:.2f} BLEU (asked: at most {LOSS:g}): {_word(loss <= LOSS)}.",
        *_failed(found),
    ]


def _shortlists(found: dict[str, Any]) -> list[str]:
    """What a list of likely words costs in BLEU."""
    lines: list[str] = []
    for name, model in found["models"].items():
        if "shortlist" not in model:
            continue
        kept = model["shortlist"]
        told: list[str] = []
        for precision in ("fp32", "int8"):
            lost = found["drops_of_shortlists"][f"{name} {precision}"]
            low, high = lost["interval"]
            told.append(
                f"{precision.upper()} {kept[precision]['beams 1']['bleu']:.1f} BLEU, {lost['drop']:.2f} "
                f"({low:.2f} to {high:.2f}) below all words, {format_bytes(kept[precision]['size_bytes'])}"
            )
        lines.append(
            f"- With a lexical shortlist (the {kept['first']} most frequent words, and for each word the "
            f"{kept['best']} likeliest) {name.replace('-', ', seed ')} scores {kept['words']:.0f} words a "
            f"sentence, which hold {kept['held']:.1%} of the references' words: {'; '.join(told)}."
        )
    return lines


def _word(reached: bool) -> str:
    return "reached" if reached else "**not reached**"


def _times(found: dict[str, Any]) -> list[str]:
    if "times" not in found:
        return ["- Speed: not timed yet.", ""]
    times = found["times"]
    rows = [
        f"| {name} | {format_ms(times['ms'][name])} | {ratio['median']:.2f}x ({ratio['5_to_95'][0]:.2f} to "
        f"{ratio['5_to_95'][1]:.2f}) | {_batched(times, name)} |"
        for name, ratio in times["times_as_fast"].items()
    ]
    students = [name for name in times["ms"] if not name.startswith("teacher") and "," not in name]
    best = max(times["times_as_fast"][name]["median"] for name in students)
    reached = best >= FASTER
    why = "" if reached else _why(times, students)
    return [
        f"- The student is {best:.1f} times as fast as the FP32 teacher (asked: {FASTER:g}): {_word(reached)}.{why}",
        "",
        f"{times['sentences']} single sentences of the test split in turn, one thread, greedy; each model says as many",
        "tokens as the reference has. Batches of 32 are of other sentences, each to its own end, once. With a",
        "*shortlist* only words that are likely for the sentence, or for one of the batch, are scored.",
        "",
        "| model | a sentence | against the teacher (5 to 95 %) | a sentence in batches of 32 |",
        "|---|---|---|---|",
        *rows,
        "",
    ]


def _why(times: dict[str, Any], students: list[str]) -> str:
    """What stands in the way of a faster student."""
    batched = times["per_sentence_in_batches_ms"]
    name = min((name for name in students if name in batched), key=batched.__getitem__)
    return (
        " A sentence by itself takes one step a token, each of which costs something however small the decoder is; in "
        f"batches of 32, which share it, {name} is {batched['teacher fp32'] / batched[name]:.1f} times as fast."
    )


def _batched(times: dict[str, Any], name: str) -> str:
    taken = times["per_sentence_in_batches_ms"].get(name)
    return "" if taken is None else format_ms(taken)


def _equal(found: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for name, counts in found["equal"].items():
        told = ", ".join(f"{way} {count}" for way, count in counts.items() if way != "inputs")
        lines.append(f"Exported loop of {name} against PyTorch's, token by token, of {counts['inputs']}: {told}.")
    return [*lines, ""] if lines else []
