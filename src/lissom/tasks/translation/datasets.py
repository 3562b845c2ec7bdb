"""The table of data sets known by name. Each place is a function ``(*, download, progress) -> Found``."""

from lissom.core.tables import Table

DATASETS = Table(
    "data set",
    {
        "libreoffice-help-en-de": "lissom.tasks.translation.libreoffice_help:find_english_german",
        "libreoffice-help-en-zh": "lissom.tasks.translation.libreoffice_help:find_english_chinese",
    },
)
