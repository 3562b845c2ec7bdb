"""Runs an encoder and one step of its decoder with ONNX Runtime: ``model.onnx`` and ``model.decoder.onnx``."""

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
        self._end = int(self._decoder.get_modelmeta().custom_metadata_map["end"])

    def run(self, inputs: Arrays) -> list[npt.NDArray[Any]]:
        """Scores of the token after each token that was said, ``(batch, length, words)``; zero where it is padding.

        Args:
            inputs: of the encoder, each ``(batch, ...)``; the last are the tokens that were said, ``(batch, length)``,
                each row filled up with the token that ends an answer.
        """
        return one_at_a_time(self._told, inputs)

    def _told(self, inputs: Arrays) -> list[npt.NDArray[Any]]:
        decoding, tokens = self.start(inputs[:-1]), np.asarray(inputs[-1])
        scores = [decoding.next(tokens[:, place]) for place in range(tokens.shape[1])]
        real = (tokens != self._end) | (np.arange(tokens.shape[1]) == 0)
        return [np.stack(scores, axis=1) * real[..., None]]

    def start(self, inputs: Arrays, beams: int = 1) -> "Decoding":
        """Read a batch: features ``(batch, bands, frames)``, or tokens and mask ``(batch, length)`` each.

        Returns:
            The decoder at its start, with ``beams`` rows in turn for each of the batch.
        """
        names = [item.name for item in self._encoder.get_inputs()]
        cross = [np.asarray(value) for value in self._encoder.run(None, dict(zip(names, inputs, strict=True)))]
        mask = {"mask": np.asarray(inputs[1])} if self._texts else {}
        fixed = {**mask, **{f"cross_{number}": value for number, value in enumerate(cross)}}
        rows = np.repeat(np.arange(len(inputs[0])), beams)
        sizes = [(item.shape[1], 0, item.shape[3]) for item in self._pasts]
        past = [_given(np.zeros((len(rows), *size), dtype=np.float32)) for size in sizes]
        return Decoding(self._decoder, fixed, rows, past)


class Decoding:
    """A decoder in the middle of several texts; what it has said so far stays in the runtime."""

    def __init__(
        self, session: Any, fixed: dict[str, npt.NDArray[Any]], sources: npt.NDArray[np.int64], past: list[Any]
    ) -> None:
        self._session, self._fixed, self._sources, self._past = session, fixed, sources, past
        self._names = [item.name for item in session.get_outputs()]
        self._feed = self._read()

    def next(self, tokens: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Take the tokens said last, ``(rows,)``, and give the scores of the next ones, ``(rows, words)``."""
        past = {f"past_{number}": value for number, value in enumerate(self._past)}
        feed = {**self._feed, **past, "tokens": _given(np.ascontiguousarray(tokens)[:, None])}
        scores, *self._past = self._session.run_with_ort_values(self._names, feed)
        return scores.numpy()

    def keep(self, rows: npt.NDArray[np.int64]) -> None:
        """Go on with these rows, in this order."""
        if np.array_equal(rows, np.arange(len(self._sources))):
            return
        self._past = [_given(np.ascontiguousarray(value.numpy()[rows])) for value in self._past]
        sources = self._sources[rows]
        if not np.array_equal(sources, self._sources):  # beams change their places within a text alone
            self._sources = sources
            self._feed = self._read()

    def _read(self) -> dict[str, Any]:
        return {name: _given(np.ascontiguousarray(value[self._sources])) for name, value in self._fixed.items()}


def _given(array: npt.NDArray[Any]) -> Any:
    return onnxruntime.OrtValue.ortvalue_from_numpy(array)


def _session(path: Path, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # from memory, since the runtime cannot open every path that the system can
    return onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
