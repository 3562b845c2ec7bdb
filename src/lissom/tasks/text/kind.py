"""The task text, as the table of tasks has it."""

from pathlib import Path

from lissom.tasks.kind import Kind, Option, words

KIND = Kind(
    examples="texts",
    input='"a sentence"',
    loader="lissom.tasks.text.loading:load_text_workload",
    handling="lissom.tasks.text",
    settings="lissom.tasks.text.options:TextOptions",
    requirements=("numpy", "tokenizers"),
    options=(
        Option("length", int, "Most tokens of an input."),
        Option("tokenizer", Path, "A tokenizer.json, or a folder with one."),
        Option("text", str, "Column of texts; of pairs both, by a comma.", words),
        Option("label", str, "Column of labels."),
        Option("metric", str, "accuracy, macro-f1, matthews or spearman."),
        Option("replaced", float, "Share of words that training sees replaced by similar ones, such as 0.25."),
        Option("views", int, "How many views of each text there are, the text as it is among them."),
    ),
    otherwise={
        "spearman": "100 less the rank correlation with the original's values, in percent",
        "macro-f1": "100 less the macro-F1 with the original's classes for the truth",
        "matthews": "100 less the Matthews correlation with the original's classes for the truth, in percent",
    },
)
