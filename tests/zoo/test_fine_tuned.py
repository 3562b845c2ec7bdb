"""A fine-tuned encoder: the checkpoint fits, the encoder it lacks is asked for, and the score is what is claimed."""

from importlib import resources
from pathlib import Path

import pytest
import torch
from safetensors.torch import load

pytest.importorskip("transformers")

from lissom.core.errors import LissomError
from lissom.tasks.loading import load as load_workload
from lissom.tasks.text.movie_reviews import find_movie_reviews
from lissom.train.batches import in_order
from lissom.workload.models import load_model
from lissom.zoo import build
from lissom.zoo.fine_tuned import FINE_TUNED

MODEL, DATA = "minilm_l6_h384", "movie-reviews"


def test_the_checkpoint_holds_what_learnt_and_fits() -> None:
    made = FINE_TUNED[MODEL, DATA]
    held = load(resources.files("lissom.zoo").joinpath("checkpoints", made.file).read_bytes())
    wanted = build(MODEL, num_classes=len(made.classes)).state_dict()
    assert {name: tensor.shape for name, tensor in held.items()} == {name: wanted[name].shape for name in held}
    assert all(tensor.dtype == torch.float16 for tensor in held.values())
    lowest = [name for name in wanted if "embeddings" in name or name.startswith("bert.encoder.layer.0.")]
    assert lowest and not set(lowest) & set(held)
    assert {"classifier.weight", "classifier.bias"} <= set(held)


def test_without_the_encoder_it_is_said_how_to_have_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISSOM_CACHE", str(tmp_path))
    with pytest.raises(LissomError, match=r"model\.safetensors.* is not in") as caught:
        load_model(f"zoo:{MODEL}", data=DATA)
    assert any("--download" in hint for hint in caught.value.hints)
    assert not list(tmp_path.iterdir())


def test_another_data_set_needs_weights_of_its_own() -> None:
    with pytest.raises(LissomError, match="needs weights") as caught:
        load_model(f"zoo:{MODEL}", data="20newsgroups")
    assert any(DATA in hint for hint in caught.value.hints)


@pytest.mark.slow
def test_it_scores_what_it_claims() -> None:
    try:
        workload = load_workload(f"zoo:{MODEL}", data=DATA, task="text", download=True)
    except LissomError as error:
        pytest.skip(f"the encoder or the reviews cannot be had here: {error.message}")
    assert workload.classes == find_movie_reviews().classes
    split, right = workload.splits.test, 0
    with torch.inference_mode():
        for group in in_order(len(split), 100):
            batch = split.take(group)
            right += int((workload.module.eval()(*batch.inputs).argmax(1) == batch.targets).sum())
    assert len(split) == 2014
    assert 100 * right / len(split) == pytest.approx(86.74, abs=0.1)
