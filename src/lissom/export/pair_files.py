"""Where an encoder-decoder lies: the encoder in the main file, one step of the decoder beside it."""

from pathlib import Path

BESIDE = ".decoder.onnx"
WORD_LISTS = ".shortlist.npz"


def decoder_of(encoder: Path) -> Path:
    """The file of the decoder that belongs to the main file of a pair."""
    return encoder.with_suffix(BESIDE)


def is_pair(path: Path) -> bool:
    """Whether the artefact whose main file is ``path`` is a pair."""
    return decoder_of(path).is_file()


def word_lists_of(encoder: Path) -> Path:
    """The file of likely words beside the main file of a pair; there where its decoder is told which to score."""
    return encoder.with_suffix(WORD_LISTS)
