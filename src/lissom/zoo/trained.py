"""Whole models that the package carries as transformers saves them, each with its tokenizer: ``zoo:NAME``."""

from importlib import resources
from pathlib import Path

# By name: the folder in checkpoints/. training/translation.py makes them.
TRAINED = {"translator_en_de": "translator-en-de"}


def trained_folder(name: str) -> Path:
    """The folder of a model in ``TRAINED``."""
    return Path(str(resources.files("lissom.zoo").joinpath("checkpoints", TRAINED[name])))
