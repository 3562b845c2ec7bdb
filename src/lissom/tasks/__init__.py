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


__all__ = ["TASKS", "input_of"]
