"""What a run started from, as a short text: so that it never goes on with other weights or other data."""

import hashlib

import torch

from lissom.core.errors import LissomError
from lissom.core.ledger import Ledger
from lissom.workload.workload import Split, Workload

_SAMPLED = 16


def check_same(workload: Workload, ledger: Ledger) -> None:
    """Write down what the run starts from, or compare with what an earlier start wrote.

    Raises:
        LissomError: the weights or the data are not the ones the run began with.
    """
    now = {"weights": weights_of(workload), **{name: _split(split) for name, split in _splits(workload).items()}}
    before = ledger.find("identity")
    if before is None:
        ledger.append("identity", "", now)
        return
    changed = [name for name in now if now[name] != before.get(name)]
    if changed:
        raise LissomError(
            f"the {' and '.join(changed)} of {workload.name} changed since this run began",
            hint="choose another folder with -o, or bring back what it began with",
        )


def _splits(workload: Workload) -> dict[str, Split]:
    splits = workload.splits
    return {"train split": splits.train, "select split": splits.select, "test split": splits.test}


def weights_of(workload: Workload) -> str:
    """The weights of a workload as sixteen hexadecimal digits."""
    digest = hashlib.sha256()
    for name, tensor in workload.module.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        plain = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(plain.view(torch.uint8).numpy().tobytes())  # numpy has no bfloat16
    return digest.hexdigest()[:16]


def _split(split: Split) -> str:
    """The number of examples, and a few of them spread over the split."""
    count = len(split)
    places = sorted({place * (count - 1) // max(_SAMPLED - 1, 1) for place in range(_SAMPLED)})
    batch = split.take(places)
    digest = hashlib.sha256(str(count).encode())
    for tensor in (*batch.inputs, *(() if batch.targets is None else (batch.targets,))):
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
