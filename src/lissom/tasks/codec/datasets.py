"""The table of data sets known by name. Each place is a function ``(*, download, progress) -> Found``."""

from lissom.core.tables import Table

DATASETS = Table("data set", {"clips": "lissom.tasks.codec.clips:find_clips"})
