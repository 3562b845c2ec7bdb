"""Does a target work here? Told by making and running a small network with it, in every precision that it has."""

import tempfile
from pathlib import Path
from typing import Any

from lissom.core.errors import LissomError, first_line
from lissom.targets.target import FP32, INT8, Source, Target

_SIDE, _BATCH = 16, 8


def try_target(target: Target) -> dict[str, Any]:
    """What is installed of a target, and whether it works on this machine.

    Returns:
        ``name``, ``title``, ``works``, ``precisions`` that worked, ``versions``, ``batch`` (``free`` or ``one``), and
        ``why`` and ``hint`` where something does not work.
    """
    missing, why, worked = target.missing(), "", []
    hint = f"pip install 'lissom[{target.name}]'" if missing else ""
    if missing is None:
        worked, why = _worked(target)
    return {
        "name": target.name,
        "title": target.title,
        "works": bool(worked) and not why,
        "precisions": worked,
        "versions": target.versions(),
        "batch": "free" if target.free_batch else "one",
        "why": missing or why or None,
        "hint": hint or None,
    }


def _worked(target: Target) -> tuple[list[str], str]:
    import torch
    from torch import nn

    from lissom.targets.parity import check_parity

    worked: list[str] = []
    with torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        module = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4)
        ).eval()
        inputs = torch.randn(_BATCH, 3, _SIDE, _SIDE)
        plain = None
        for precision in target.precisions:
            path = target.place(Path(folder), precision)
            try:
                if precision == INT8:
                    assert plain is not None
                    made = target.quantize(Source(module, (inputs[:1],), plain), [[inputs.numpy()]], path)
                else:
                    made = target.export(module, (inputs[:1],), path, precision)
                check_parity(module, target, made, [inputs.numpy()])
            except LissomError as error:
                return worked, error.message
            except Exception as error:  # a foreign library may fail in ways of its own: that is what is asked here
                return worked, f"{precision}: {first_line(error)}"
            plain = made if precision == FP32 else plain
            worked.append(precision)
    return worked, ""
