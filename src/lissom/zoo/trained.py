"""Whole models that the package carries as transformers saves them, each with its tokenizer: ``zoo:NAME``."""

from importlib import resources
from pathlib import Path

# By name: the folder in checkpoints/. training/translation.py makes them: translator_en_de with libreoffice-help-en-de
# --words 4000 --width 128 --inner 384 --heads 4 --layers 3 4 --dropout 0.15 --rate 1.5e-3 --epochs 24 --minutes 75
# --half
TRAINED = {"translator_en_de": "translator-en-de"}


def trained_folder(name: str) -> Path:
    """The folder of a model in ``TRAINED``."""
    return Path(str(resources.files("lissom.zoo").joinpath("checkpoints", TRAINED[name])))
