"""The students of benchmarks/distillation.py, as numbers to cut by and in words for the page."""

from dataclasses import dataclass, replace

LAYERS, HEADS, INNER, WIDTH = 6, 12, 1536, 384  # of the encoder that they are parts of


@dataclass(frozen=True)
class Student:
    """A part of the encoder: its layers, heads and feed-forward units of each, and its width (``None``: all)."""

    layers: tuple[int, ...]
    heads: int | None = None
    inner: int | None = None
    width: int | None = None
    epochs: int = 8
    rate: float = 3e-4


NARROW = Student((0, 2, 3, 5), heads=6, inner=768, width=192)
STUDENTS = {
    "TinyBERT-style": Student((0, 2, 5), heads=4, inner=576),
    "narrow TinyBERT-style": NARROW,
    "narrow TinyBERT-style for longer": replace(NARROW, epochs=24),
    "DistilBERT-style": Student((0, 2, 4), epochs=4, rate=2e-4),
}


def told(name: str) -> str:
    """What a student is a part of, and how long it learns where another one is the same part."""
    student = STUDENTS[name]
    parts = [f"{len(student.layers)} of {LAYERS} layers"]
    for count, whole, what in (
        (student.heads, HEADS, "heads"),
        (student.inner, INNER, "feed-forward units"),
        (student.width, WIDTH, "wide, embeddings as well"),
    ):
        parts += [] if count is None else [f"{count:,} of {whole:,} {what}"]
    same = [one for one in STUDENTS.values() if one != student and replace(one, epochs=student.epochs) == student]
    return ", ".join([*parts, *([f"{student.epochs} epochs"] if same else [])])
