"""Which numbers of channels are fast: runtimes compute whole blocks of them, and a part of a block may save nothing.

Where that matters most is in narrow networks: a ResNet-20 whose 16 channels become 12 is as slow as before on a
runtime with blocks of 8, and twice as fast with 8 channels.
"""

import tempfile
from pathlib import Path

import torch
from torch import nn

from lissom.core.cache import remembered
from lissom.core.ledger import Ledger
from lissom.core.machine import describe
from lissom.core.statistics import median_interval
from lissom.engine.measuring import Bench, timings

_WIDTH, _SIDE, _LAYERS = 32, 16, 4
_FEWER = (2, 4, 8)
_WORTH = 0.5  # of what the multiply-adds promise
_SECONDS = 2.0


def grain(bench: Bench, ledger: Ledger) -> int:
    """The least number of channels whose removal pays on the target: 2, 4 or 8.

    A stack of convolutions with 32 channels is timed beside the same with 30, 28 and 24. The first that saves at
    least half of what its multiply-adds promise tells the grain; 8 where none does. It is measured once for a
    machine, target and number of threads.

    Args:
        bench: target, threads and progress.
        ledger: where it is written down.
    """
    found = ledger.find("grain")
    if found is None:
        machine = describe()
        circumstances = {
            "target": bench.target.name,
            "threads": bench.threads,
            "machine": [machine.processor, machine.cores, *machine.instructions],
            "versions": bench.target.versions(),
        }
        with bench.progress.waiting("finding which numbers of channels are fast"):
            times = remembered("grain", circumstances, lambda: _measured(bench))
        found = chosen({int(width): ms for width, ms in times.items()})
        ledger.append("grain", "", found)
    return int(found)


def chosen(times: dict[int, float]) -> int:
    """The grain, from milliseconds by number of channels."""
    for fewer in _FEWER:
        promised = 1 - ((_WIDTH - fewer) / _WIDTH) ** 2
        if times[_WIDTH - fewer] <= times[_WIDTH] * (1 - _WORTH * promised):
            return fewer
    return _FEWER[-1]


def _measured(bench: Bench) -> dict[str, float]:
    example = torch.zeros(1, 3, _SIDE, _SIDE)
    with torch.random.fork_rng(devices=[]), tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        runners = {}
        for width in (_WIDTH, *(_WIDTH - fewer for fewer in _FEWER)):
            place = bench.target.place(Path(folder), str(width))
            made = bench.target.export(_stack(width), (example,), place)
            runners[str(width)] = bench.target.load(made.path, threads=bench.threads)
        samples = timings(runners, [[example.numpy()]], seconds=_SECONDS)
    return {width: median_interval(values)[0] for width, values in samples.items()}


def _stack(width: int) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU()]
    for _ in range(_LAYERS):
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers).eval()
