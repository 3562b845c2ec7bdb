"""The table of data sets known by name. Each place is a function ``(*, download, progress) -> Found``."""

from lissom.core.tables import Table

DATASETS = Table("data set", {"motions": "lissom.tasks.video.motion_set:find_motions"})
