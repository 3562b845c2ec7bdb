"""Tasks: how a batch is fed, what the loss is, what the score is. Importing this package imports no torch."""

from lissom.core.tables import Table

TASKS = Table(
    "task",
    {
        "image": "lissom.tasks.image.loading:load_image_workload",
        "speech": "lissom.tasks.speech.loading:load_speech_workload",
        "text": "lissom.tasks.text.loading:load_text_workload",
    },
)

__all__ = ["TASKS"]
