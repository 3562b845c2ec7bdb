"""Small drawn pictures, and a model that tells them apart without training."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COLOURS = {"blue": (20, 30, 220), "green": (30, 200, 40), "red": (220, 20, 30)}
Draw = Callable[..., Image.Image]

MODEL = '''
import torch
from torch import nn


class Colours(nn.Module):
    """Answers blue, green or red: the brightest channel."""

    def __init__(self, order=(2, 1, 0), outputs=3):
        super().__init__()
        self.order, self.outputs = list(order), outputs
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, pictures):
        answers = pictures.mean((2, 3))[:, self.order] * self.scale
        return torch.cat((answers, answers.new_full((len(answers), self.outputs - 3), -9.0)), 1)


def colours():
    return Colours()


def muddled():
    return Colours(order=(1, 2, 0))


def wide():
    return Colours(outputs=5)
'''


def draw(colour: str, number: int, size: tuple[int, int] = (20, 16)) -> Image.Image:
    """A noisy rectangle of one colour; the same for the same number."""
    noise = np.random.default_rng(number).integers(-20, 20, (size[1], size[0], 3))
    return Image.fromarray(np.clip(noise + COLOURS[colour], 0, 255).astype(np.uint8))


@pytest.fixture
def drawing() -> Draw:
    return draw


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "model.py"
    path.write_text(MODEL, encoding="utf-8")
    return path


@pytest.fixture
def class_folders(tmp_path: Path) -> Path:
    """Twenty pictures of each of three classes, in a folder with spaces and letters of other scripts."""
    root = tmp_path / "mes données 数据"
    for colour in COLOURS:
        (root / colour).mkdir(parents=True)
        for number in range(20):
            draw(colour, number).save(root / colour / f"{number:02} é.png")
    return root
