"""The table of data sets known by name. Each place is a function ``(*, download, progress) -> Found``."""

from lissom.core.tables import Table

DATASETS = Table("data set", {"synthetic-words": "lissom.tasks.speech.synthetic_words:find_synthetic_words"})
