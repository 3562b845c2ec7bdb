"""Where an encoder-decoder lies: the encoder in the main file, one step of the decoder beside it."""

from pathlib import Path

BESIDE = ".decoder.onnx"


def decoder_of(encoder: Path) -> Path:
    """The file of the decoder that belongs to the main file of a pair."""
    return encoder.with_suffix(BESIDE)


def is_pair(path: Path) -> bool:
    """Whether the artefact whose main file is ``path`` is a pair."""
    return decoder_of(path).is_file()
