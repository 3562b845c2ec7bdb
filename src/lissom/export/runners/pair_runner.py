"""Runs an encoder and one step of its decoder with ONNX Runtime: ``model.onnx`` and ``model.decoder.onnx``.

Where the decoder is told which words to score, ``model.shortlist.npz`` says which are likely for a sentence.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from lissom.export.runners.singly import one_at_a_time

REQUIREMENTS = ("numpy", "onnxruntime")
Arrays = Sequence[npt.NDArray[Any]]


class Runner:
    """An encoder-decoder: what greedy and beam search ask for, and what it answers when it is told what was said.

    Args:
        path: of the encoder's file; the decoder's lies beside it.
        threads: of the processor.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        files = (path, path.with_suffix(".decoder.onnx"))
        self._encoder, self._decoder = (_session(file, threads) for file in files)
        self._texts = any(item.name == "mask" for item in self._decoder.get_inputs())
        self._pasts = [item for item in self._decoder.get_inputs() if item.name.startswith("past_")]
        told = self._decoder.get_modelmeta().custom_metadata_map
        self._end = int(told["end"])
        listed = any(item.name == "words" for item in self._decoder.get_inputs())
        self._shortlist = _Shortlist(path.with_suffix(".shortlist.npz"), int(told["words"])) if listed else None

    def run(self, inputs: Arrays) -> list[npt.NDArray[Any]]:
        """Scores of the token after each token that was said, ``(batch, length, words)``; zero where it is padding.

        All words are scored, whether they are likely or not.

        Args:
            inputs: of the encoder, each ``(batch, ...)``; the last are the tokens that were said, ``(batch, length)``,
                each row filled up with the token that ends an answer.
        """
        return one_at_a_time(self._told, inputs)

    def _told(self, inputs: Arrays) -> list[npt.NDArray[Any]]:
        every = None if self._shortlist is None else self._shortlist.every()
        decoding, tokens = self._begin(inputs[:-1], 1, every), np.asarray(inputs[-1])
        first = decoding.next(tokens[:, 0])
        scores = np.empty((*tokens.shape, first.shape[1]), dtype=np.float32)  # one piece: it is timed along
        scores[:, 0] = first
        for place in range(1, tokens.shape[1]):
            scores[:, place] = decoding.next(tokens[:, place])
        scores[:, 1:][tokens[:, 1:] == self._end] = 0
        return [scores]

    def start(self, inputs: Arrays, beams: int = 1) -> "Decoding":
        """Read a batch: features ``(batch, bands, frames)``, or tokens and mask ``(batch, length)`` each.

        Returns:
            The decoder at its start, with ``beams`` rows in turn for each of the batch. With a shortlist the words that
            are likely for none of the batch have minus infinity for their score.
        """
        likely = None
        if self._shortlist is not None:
            tokens, mask = map(np.asarray, inputs)
            likely = self._shortlist.likely(tokens[mask != 0])
        return self._begin(inputs, beams, likely)

    def _begin(self, inputs: Arrays, beams: int, words: "_Words | None") -> "Decoding":
        names = [item.name for item in self._encoder.get_inputs()]
        cross = [np.asarray(value) for value in self._encoder.run(None, dict(zip(names, inputs, strict=True)))]
        mask = {"mask": np.asarray(inputs[1])} if self._texts else {}
        fixed = {**mask, **{f"cross_{number}": value for number, value in enumerate(cross)}}
        rows = np.repeat(np.arange(len(inputs[0])), beams)
        sizes = [(item.shape[1], 0, item.shape[3]) for item in self._pasts]
        past = [np.zeros((len(rows), *size), dtype=np.float32) for size in sizes]
        return Decoding(self._decoder, fixed, rows, past, words)


class Decoding:
    """A decoder in the middle of several texts, with what it has said so far."""

    def __init__(
        self,
        session: Any,
        fixed: dict[str, npt.NDArray[Any]],
        sources: npt.NDArray[np.int64],
        past: list[npt.NDArray[np.float32]],
        words: "_Words | None" = None,
    ) -> None:
        self._session, self._fixed, self._sources, self._past = session, fixed, sources, past
        self._words = words
        self._names = [item.name for item in session.get_outputs()]
        self._pasts = [f"past_{number}" for number in range(len(past))]
        self._feed = self._read()

    def next(self, tokens: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Take the tokens said last, ``(rows,)``, and give the scores of the next ones, ``(rows, words)``."""
        past = zip(self._pasts, self._past, strict=True)
        feed = {**self._feed, **dict(past), "tokens": np.ascontiguousarray(tokens, dtype=np.int64)[:, None]}
        scores, *self._past = self._session.run(self._names, feed)
        return scores if self._words is None else self._words.among_all(scores)

    def keep(self, rows: npt.NDArray[np.int64]) -> None:
        """Go on with these rows, in this order."""
        if np.array_equal(rows, np.arange(len(self._sources))):
            return
        self._past = [np.ascontiguousarray(value[rows]) for value in self._past]
        sources = self._sources[rows]
        if not np.array_equal(sources, self._sources):  # beams change their places within a text alone
            self._sources = sources
            self._feed = self._read()

    def _read(self) -> dict[str, Any]:
        told = {} if self._words is None else {"words": self._words.chosen}
        return told | {name: np.ascontiguousarray(value[self._sources]) for name, value in self._fixed.items()}


class _Words:
    """The words that are scored, ``chosen`` in order, of ``count``."""

    def __init__(self, chosen: npt.NDArray[np.int64], count: int) -> None:
        self.chosen, self._count = chosen, count

    def among_all(self, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Scores of all words, ``(rows, count)``, out of those of the chosen ones."""
        if len(self.chosen) == self._count:
            return scores
        found = np.full((len(scores), self._count), -np.inf, dtype=np.float32)
        found[:, self.chosen] = scores
        return found


class _Shortlist:
    """The words that are likely for each token of a source.

    Args:
        path: of the file with ``always``, tokens for every source; ``likely``, those for each token of one, which
            begin at ``starts``; and ``copied``, whether a source's own tokens may be said.
        count: of all words.

    Raises:
        ValueError: it is missing, or damaged.
    """

    def __init__(self, path: Path, count: int) -> None:
        self._count = count
        if not path.is_file():
            raise ValueError(f"{path.name} is missing")
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                self._always, self._likely, self._starts = (
                    kept[name].astype(np.int64) for name in ("always", "likely", "starts")
                )
                self._copied = bool(kept["copied"])
        except Exception as error:  # whatever a file that is cut off or altered makes of it
            raise ValueError(f"{path.name} is damaged: {error}") from None
        if not self._is_whole():
            raise ValueError(f"{path.name} is damaged: it holds words that the model has not, or ends early")

    def _is_whole(self) -> bool:
        known = np.concatenate([self._always, self._likely])
        starts = self._starts
        rising = len(starts) > 0 and starts[0] == 0 and starts[-1] == len(self._likely) and (np.diff(starts) >= 0).all()
        return bool(rising and len(self._always) and known.min() >= 0 and known.max() < self._count)

    def every(self) -> _Words:
        """All words."""
        return _Words(np.arange(self._count), self._count)

    def likely(self, tokens: npt.NDArray[np.int64]) -> _Words:
        """The words that may be said where these tokens are read."""
        read = np.unique(tokens)
        known = read[read < len(self._starts) - 1]
        parts = [self._likely[self._starts[token] : self._starts[token + 1]] for token in known]
        own = read[read < self._count] if self._copied else read[:0]
        return _Words(np.unique(np.concatenate([self._always, own, *parts])), self._count)


def _session(path: Path, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # from memory, since the runtime cannot open every path that the system can
    return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
