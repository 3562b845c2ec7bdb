"""The table of data sets known by name. Each place is a function ``(*, download, progress) -> Found``."""

from lissom.core.tables import Table

DATASETS = Table(
    "data set",
    {
        "movie-reviews": "lissom.tasks.text.movie_reviews:find_movie_reviews",
        "20newsgroups": "lissom.tasks.text.topics:find_newsgroups",
        "reuters-r8": "lissom.tasks.text.topics:find_reuters",
    },
)
