"""A lexical shortlist: the words that are likely for a sentence are scored, and no others."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lissom.core.errors import LissomError
from lissom.export.pair_files import is_pair
from lissom.steps.step import ArtefactStep, Context, check_sizes
from lissom.targets.target import FP32, Artefact
from lissom.tasks.translation.lexicon import WordLists, coverage, word_lists
from lissom.workload.workload import Split, Workload

if TYPE_CHECKING:
    from lissom.tasks.translation.split import PairSplit  # which needs tokenizers

TRANSLATION = "translation"


@dataclass(frozen=True)
class LexicalShortlist(ArtefactStep):
    """The output layer of a translator over the words that are likely for the sentences at hand.

    These are the ``first`` most frequent words, and for each word of the source the ``best`` likeliest by Model 1 of
    Brown et al., 1993, "The mathematics of statistical machine translation", section 4.1, counted in the training
    pairs. A word in no list of a sentence is never said to it. Marian calls it ``--shortlist lex.s2t first best``.

    It comes behind the number format, and keeps it.
    """

    first: int = 100
    best: int = 100

    name = "shortlist"
    precision = FP32  # every target has it; what comes out is in that of the given artefact

    def __post_init__(self) -> None:
        check_sizes(self)
        for setting in ("first", "best"):
            if vars(self)[setting] < 1:
                raise LissomError(f"{setting} of the step {self.name} is {vars(self)[setting]}", hint="give at least 1")

    def describe(self) -> str:
        return f"shortlist of the {self.best} likeliest words"

    def check(self, original: Workload) -> None:
        check_translates(original)

    def apply(self, artefact: Artefact, workload: Workload, context: Context) -> Artefact:
        from lissom.targets.onnx_shortlist import shortlist_pair

        check_translates(workload)
        if not is_pair(artefact.path):
            raise LissomError(
                f"{artefact.path.name} has no decoder that runs step by step", hint="--target onnxruntime has one"
            )
        path = context.target.place(context.folder, f"{artefact.path.stem}-shortlist")
        with context.progress.waiting("finding the likely words"):
            lists = lists_of(workload, first=self.first, best=self.best)
            shortlist_pair(artefact.path, path, lists)
            held, length = coverage(lists, _pairs(workload.splits.select))
        note = (
            f"shortlist: {length:.0f} words a sentence hold {held:.1%} of the translations' words on select; sentences "
            "that are asked together share one list"
        )
        return context.target.artefact(path, artefact.precision, (*artefact.notes, note))


def lists_of(workload: Workload, *, first: int = 100, best: int = 100) -> WordLists:
    """The likely words of a translator, by its training pairs (see :func:`word_lists`)."""
    from lissom.tasks.translation.handling import SOURCE, TARGET

    return word_lists(
        _pairs(workload.splits.train),
        first=first,
        best=best,
        opening=workload.handling["wording"]["opening"],
        copied=_have_one_numbering(workload.files[SOURCE], workload.files[TARGET]),
    )


def _have_one_numbering(source: bytes, target: bytes) -> bool:
    """Whether two tokenizers give each word the same number, as those of a Marian do, of which only the scores of the
    pieces differ."""
    from tokenizers import Tokenizer

    if source == target:
        return True
    first, second = (Tokenizer.from_str(text.decode("utf-8")).get_vocab() for text in (source, target))
    return first == second


def check_translates(workload: Workload) -> None:
    """Refuse what is no translator.

    Raises:
        LissomError: the workload has another task.
    """
    if workload.task.name != TRANSLATION:
        raise LissomError(
            f"a shortlist is for translators, and the task of {workload.name} is {workload.task.name}",
            hint="leave the step shortlist out of the plan",
        )


def _pairs(split: Split) -> "PairSplit":
    from lissom.tasks.translation.split import PairSplit

    assert isinstance(split, PairSplit), "a translator has pairs"
    return split
