"""The task translation, as the table of tasks has it."""

from pathlib import Path

from lissom.tasks.kind import Kind, Option

KIND = Kind(
    examples="sentences",
    input='"a sentence"',
    loader="lissom.tasks.translation.loading:load_translation_workload",
    handling="lissom.tasks.translation",
    settings="lissom.tasks.translation.options:TranslationOptions",
    requirements=("numpy", "tokenizers"),
    options=(
        Option("languages", str, "Of source and target, e.g. en-de: columns, or endings of files."),
        Option("length", int, "Most tokens of a sentence."),
        Option("tokenizer", Path, "A tokenizer.json, or a folder with one."),
        Option("metric", str, "bleu or chrf."),
        Option("beams", int, "Alternatives followed at a time when it is scored and timed."),
    ),
    disagreement="100 less the score with the original's sentences for the truth",
    answers="lissom.tasks.generating:said",
    quick=24,
    carried={"generating.py": "lissom.tasks.generating", "letters.py": "lissom.tasks.letters"},
)
