"""The section on distillation in docs/results.md, from what benchmarks/distillation.py and its like measured."""

import json
import statistics
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

from distillation_students import told as student_in_words
from distillation_vision_page import vision

from lissom.core.units import format_bytes, format_ms

RESULT = Path(__file__).parent / "results" / "distillation.json"
SEEDS = 3
SAME = 0.05  # points of one teacher's score on select, rounded or not
ASKED = 2  # points above the same student without a teacher
PARTS = ("select", "test")
ARMS = {
    "labels": "labels alone, no teacher",
    "logits": "the teacher's answers alone",
    "labels and logits": "labels and the teacher's answers",
    "dist": "DIST",
    "standardised": "standardised answers",
    "views": "the teacher's answers to eight views of each text",
    "several": "the mean answers of several teachers",
    "hidden": "the teacher's answers and hidden states (TinyBERT)",
    "cosine": "the teacher's answers and the direction of its hidden states (DistilBERT)",
    "logits+": "the teacher's answers, also to texts without labels",
}


def section() -> list[str]:
    """Lines of the page."""
    found = json.loads(RESULT.read_text(encoding="utf-8"))
    lines = ["", "## Distillation of texts", ""]
    for name, data in found["data"].items():
        lines += [*_scores(name, data), *_latencies(data), *_formats(data), *_throughput(data)]
        if "timed_on" in data:
            lines += [f"Timed on {_told(data['timed_on'])}.", ""]
    here = found["machine"]["processor"]
    all_runs = [row for data in found["data"].values() for row in data["runs"]]
    others = [name for row in all_runs if (name := row.get("machine", here)) != here]
    more = "".join(f"; {others.count(name)} runs on {name}" for name in dict.fromkeys(others))
    return [*lines, f"Learnt on {_told(found['machine'])}{more}.", "", *vision()]


def _told(machine: dict[str, Any]) -> str:
    return f"{machine['processor']} ({machine['cores']} cores)"


def _scores(name: str, data: dict[str, Any]) -> list[str]:
    sizes, teacher = data["examples"], data["teacher"]
    rows = [
        ("teacher", "fine-tuned on the labels", [teacher], teacher["parameters_outside_embeddings"]),
        *_several(data),
        ("bag of words, linear", "labels", [data["bag of words"]], None),
    ]
    if "bag of words, whole texts" in data:
        rows.append(("bag of words, linear, up to 512 tokens", "labels", [data["bag of words, whole texts"]], None))
    keys = dict.fromkeys((row["student"], row["arm"]) for row in data["runs"])
    for student, arm in keys:
        mine = [row for row in data["runs"] if (row["student"], row["arm"]) == (student, arm)]
        rows.append((student, ARMS[arm], mine, mine[0]["parameters_outside_embeddings"]))
    students = "; ".join(f"{student}: {student_in_words(student)}" for student in _students(data))
    told = (
        f"`{name}`: {sizes['train']:,} texts to learn from, {sizes['select']:,} to choose by, {sizes['test']:,} to "
        f"test with.{_cut(data)} INT8 is scored one text at a time on ONNX Runtime. Students are parts of the "
        f"pretrained encoder from before it was fine-tuned ({students}); all arms of a student start from the same "
        "weights and take as many steps. Accuracy in percent, mean over seeds, with the standard deviation."
    )
    return [
        *textwrap.wrap(told, 115, break_on_hyphens=False),
        "",
        "| model | learnt from | seeds | select | test | test, INT8 | parameters outside embeddings |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {model} | {how} | {len(runs)} | {_mean(runs, 'select')} | {_mean(runs, 'test')} "
            f"| {_mean(runs, 'test_int8')} | {'' if count is None else f'{count:,}'} |"
            for model, how, runs, count in rows
        ),
        "",
        *_few(data["runs"]),
        *_known_by_heart(teacher),
        *_others_taught(data),
        *_worth(data),
        *_chosen(data),
    ]


def _several(data: dict[str, Any]) -> list[tuple[str, str, list[dict[str, Any]], None]]:
    """The row of several teachers together, where they were asked."""
    if "several" not in data:
        return []
    alone = " and ".join(f"{score:.2f}" for score in data["several"]["alone"][1:])
    told = f"fine-tuned alike with other seeds; alone on test: {alone}"
    return [(f"that teacher and {data['several']['teachers'] - 1} others together", told, [data["several"]], None)]


def _cut(data: dict[str, Any]) -> str:
    return f" Models read the first 64 tokens; {data['cut']:.1%} of the texts have more." if "cut" in data else ""


def _by_arm(data: dict[str, Any], student: str) -> dict[str, dict[int, dict[str, Any]]]:
    """The runs of a student by arm and seed."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for row in data["runs"]:
        if row["student"] == student:
            found.setdefault(row["arm"], {})[row["seed"]] = row
    return found


def _students(data: dict[str, Any]) -> list[str]:
    return list(dict.fromkeys(row["student"] for row in data["runs"]))


def _worth(data: dict[str, Any]) -> list[str]:
    """What teachers are worth: the same student, seed by seed, with them and without."""
    lines: list[str] = []
    for student in _students(data):
        runs = _by_arm(data, student)
        without = runs.get("labels", {})
        for arm in ("logits", "views", "several"):
            with_it = runs.get(arm, {})
            seeds = sorted(set(with_it) & set(without))
            if seeds:
                gains = [{"test": with_it[seed]["test"] - without[seed]["test"]} for seed in seeds]
                lines += [*textwrap.wrap(f"{student}: {_gain(arm, gains, seeds)}", 115), ""]
        seeds = sorted(set(runs.get("logits", {})) & set(without))
        if seeds:
            score = data["teacher"]["test"]
            ahead = score - statistics.mean(without[seed]["test"] for seed in seeds)
            share = statistics.mean(runs["logits"][seed]["test"] for seed in seeds) / score
            told = (
                f"{student}: the teacher itself is {abs(ahead):.2f} points {'above' if ahead > 0 else 'below'} the "
                "student without it, which is what there is to gain. With its answers the student keeps "
                f"{share:.1%} of its accuracy."
            )
            lines += [*textwrap.wrap(told, 115), ""]
    return lines


def _gain(arm: str, gains: list[dict[str, Any]], seeds: list[int]) -> str:
    reached = "at least" if statistics.mean(item["test"] for item in gains) >= ASKED else "less than"
    return (
        f"{_mean(gains, 'test')} points more with {ARMS[arm].removesuffix(' alone')} than with labels alone (seeds "
        f"{', '.join(map(str, seeds))}, each beside its own): {reached} the {ASKED} points that were asked for."
    )


def _chosen(data: dict[str, Any]) -> list[str]:
    """The loss that the select split chooses, beside the teacher's plain answers, seed by seed."""
    lines: list[str] = []
    for student in _students(data):
        runs = {arm: rows for arm, rows in _by_arm(data, student).items() if arm != "labels"}
        plain = runs.get("logits", {})
        gains = {
            arm: {part: [rows[seed][part] - plain[seed][part] for seed in rows if seed in plain] for part in PARTS}
            for arm, rows in runs.items()
            if set(rows) & set(plain)
        }
        if len(gains) < 2:
            continue
        best = max(gains, key=lambda arm: statistics.mean(gains[arm]["select"]))
        count = len(gains[best]["test"])
        on_test = (
            "they are what it is compared with"
            if best == "logits"
            else f"on test that is {statistics.mean(gains[best]['test']):+.2f} points beside *{ARMS['logits']}*"
        )
        told = (
            f"{student}: of {len(gains)} ways to learn from a teacher, each beside the plain one of its own seeds, "
            f"select chooses *{ARMS[best]}*; {on_test} ({count} {'seed' if count == 1 else 'seeds'})."
        )
        lines += [*textwrap.wrap(told, 115), ""]
    return lines


def _others_taught(data: dict[str, Any]) -> list[str]:
    """Runs that learnt from a teacher made anew, which another machine's arithmetic makes another one."""
    usual = data["teacher"]["select"]
    anew = [row for row in data["runs"] if abs(row.get("teacher_select", usual) - usual) > SAME]
    if not anew:
        return []
    scores = " and ".join(dict.fromkeys(f"{row['teacher_select']:.2f} %" for row in anew))
    which = ", ".join(f"{row['student']} by {ARMS[row['arm']]}, seed {row['seed']}" for row in anew)
    told = (
        f"A teacher that was made anew by the same command on another machine, with {scores} on select in the place of "
        f"{usual:.2f} %, taught {len(anew)} of the runs: {which}. Where such a run is set beside one of the first "
        "teacher below, the difference holds that of the teachers too."
    )
    return [*textwrap.wrap(told, 115), ""]


def _known_by_heart(teacher: dict[str, Any]) -> list[str]:
    """How often the teacher is right about the texts that students learn from, whose views it answers."""
    told = (
        f"The teacher has {teacher['train']:.1f} % of the texts right that it learnt from, and {teacher['test']:.1f} % "
        "of those of the test. Students learn from the former, with some words replaced."
    )
    return [*textwrap.wrap(told, 115), ""]


def _few(runs: list[dict[str, Any]]) -> list[str]:
    """What is to be said where an arm was run with few seeds: how many, by arm where that differs."""
    counts = Counter((row["student"], row["arm"]) for row in runs)
    few = {key: count for key, count in counts.items() if count < SEEDS}
    if not few:
        return []
    shown = "; ".join(f"{student} from {ARMS[arm]}: {count}" for (student, arm), count in few.items())
    differ = len(set(few.values())) > 1
    told = f"fewer than {SEEDS} seeds so far ({shown})" if differ else f"{min(few.values())} of {SEEDS} seeds so far"
    return [*textwrap.wrap(f"Some arms were run with {told}: differences of a point may be chance.", 115), ""]


def _mean(runs: list[dict[str, Any]], part: str) -> str:
    values = [run[part] for run in runs if part in run]
    if not values:
        return ""
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    few = f" ({len(values)} of them)" if len(values) < len(runs) else ""
    return f"{statistics.mean(values):.2f}{spread}{few}"


def _latencies(data: dict[str, Any]) -> list[str]:
    if "latency_ms" not in data:
        return []
    slowest = data["latency_ms"]["teacher FP32"]["median"]
    return [
        "Latency of one text of 64 tokens, ONNX Runtime, one thread, median, timed in turn:",
        "",
        "| model | latency | times as fast as the teacher in FP32 |",
        "|---|---|---|",
        *(
            f"| {name} | {format_ms(item['median'])} | {slowest / item['median']:.1f} |"
            for name, item in data["latency_ms"].items()
        ),
        "",
    ]


def _formats(data: dict[str, Any]) -> list[str]:
    if "formats" not in data:
        return []
    return [
        "The teacher in other number formats, scored on test one text at a time; agreement is with its own FP32; one",
        "thread, 64 tokens, timed in turn:",
        "",
        "| runtime and format | test | agreement | size | latency |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {row['test']:.2f} | {row['agreement']:.2f} % | {format_bytes(row['size_bytes'])} "
            f"| {format_ms(row['latency_ms'])} |"
            for name, row in data["formats"].items()
        ),
        "",
    ]


def _throughput(data: dict[str, Any]) -> list[str]:
    if "texts_a_second" not in data:
        return []
    kept, live = (data["texts_a_second"][name] for name in ("kept", "live"))
    return [
        f"Learning from kept answers: {kept['median']:.0f} texts a second; teacher beside: {live['median']:.0f};",
        f"{kept['median'] / live['median']:.2f} times as many ({kept['n']} timings of each, in turn, one thread).",
        "",
    ]
