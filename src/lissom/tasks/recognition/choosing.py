"""Does a model find keywords, or does it write down what is said? Both are the task speech to a user."""

from pathlib import Path
from typing import TYPE_CHECKING

from lissom.tasks.kind import Kind
from lissom.tasks.recognition.kind import KIND
from lissom.workload.models import CTRANSLATE2, FOLDER, folder_of
from lissom.workload.request import Request
from lissom.workload.transformers_models import read_config

if TYPE_CHECKING:
    from torch import nn

WRITERS = ("ForCTC", "ForSpeechSeq2Seq", "WhisperForConditionalGeneration", "Speech2TextForConditionalGeneration")


def recognition_instead(model: "str | nn.Module", _request: Request) -> Kind | None:
    """The kind of recognition for a model that writes down what is said; ``None`` for one that finds keywords."""
    if not isinstance(model, str):
        return KIND if type(model).__name__.endswith(WRITERS) else None
    if model.startswith(CTRANSLATE2):
        return KIND
    if not model.startswith(FOLDER) or not (Path(folder_of(model)) / "config.json").is_file():
        return None
    names = read_config(folder_of(model)).get("architectures") or [""]
    return KIND if str(names[0]).endswith(WRITERS) else None
