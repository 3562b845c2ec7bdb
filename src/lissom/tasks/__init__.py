"""Tasks: how a batch is fed, what the loss is, what the score is. Importing this package imports no torch."""

from lissom.core.tables import Table

TASKS = Table(
    "task",
    {
        "codec": "lissom.tasks.codec.kind:KIND",
        "image": "lissom.tasks.image.kind:KIND",
        "recognition": "lissom.tasks.recognition.kind:KIND",
        "speech": "lissom.tasks.speech.kind:KIND",
        "text": "lissom.tasks.text.kind:KIND",
        "translation": "lissom.tasks.translation.kind:KIND",
        "video": "lissom.tasks.video.kind:KIND",
    },
)


def input_of(task: str) -> str:
    """What ``predict.py`` of a task takes, as a usage line has it; for a task that is not here, a general word."""
    return TASKS.get(task).input if task in TASKS else "INPUT"


def disagreement_of(task: str, metric: str = "") -> str | None:
    """What the drop of a task is without labels, as :class:`Kind` has it; a general word for one that is not here.

    Args:
        task: its name.
        metric: which of its metrics is the score, where it has several.
    """
    if task not in TASKS:
        return "100 less the agreement with the original"
    kind = TASKS.get(task)
    return kind.otherwise.get(metric, kind.disagreement)


__all__ = ["TASKS", "disagreement_of", "input_of"]
