"""Cut half of every model that Torch-Pruning was measured on, prove each result, write results/coverage.json.

One process per model, one thread, 60 s of processor time from the model to the pruned model (the proof is not
counted). Times are of the process itself, so what else the machine does is not in them. Resumable: models that
are in the results are skipped; ``--retry REGEX`` runs those again whose verdict matches.

    python benchmarks/coverage.py [--only REGEX] [--retry REGEX] [--families] [--peer] [--out FILE]

``--peer`` measures Torch-Pruning (``pip install 'lissom[peers]'``) on the same models instead.
"""

import argparse
import json
import os
import re
import sys
import time
import warnings
from pathlib import Path
from typing import Any

LIMIT_S = 60
PROOF_LIMIT_S = 600
RATIO = 0.5
RESULTS = Path(__file__).parent / "results" / "coverage.json"
for _variable, _value in (("OMP_NUM_THREADS", "1"), ("HF_HUB_OFFLINE", "1"), ("TOKENIZERS_PARALLELISM", "false")):
    os.environ.setdefault(_variable, _value)


def measure(spec: str, report: Any, *, prove: bool = True) -> None:
    """Cut one model and prove it if asked; ``report`` takes each finding as it becomes known."""
    import coverage_models
    from coverage_isolation import limit_time

    from lissom import graph

    model, args, kwargs = coverage_models.build(spec)
    model.eval()
    before = sum(p.numel() for p in model.parameters())
    report(parameters=before, stage="capture")
    limit_time(LIMIT_S)
    start = time.process_time()
    captured = graph.capture(model, args, kwargs, parts=True)
    report(capture_s=_since(start), stage="couple")
    t = time.process_time()
    coupling = graph.couple(captured)
    report(couple_s=_since(t), groups=len(coupling.groups), unknown=dict(coupling.unknown), stage="cut")
    t = time.process_time()
    cut = coupling.cut(half_of_everything(coupling))
    report(cut_s=_since(t), stage="prune")
    t = time.process_time()
    pruned = graph.prune(model, cut, coupling=coupling)
    report(prune_s=_since(t), seconds=_since(start))
    after = sum(p.numel() for p in pruned.module.parameters())
    report(gone=round(1 - after / before, 4), own_class=pruned.own_class, stage="prove")
    report(notes=[note[:300] for note in pruned.notes])
    if not prove:
        report(verdict="timed")
        return
    limit_time(PROOF_LIMIT_S)
    t = time.process_time()
    proof = graph.verify(model, pruned.module, cut, args, kwargs, capture=captured)
    error = proof.error if proof.error < 1e300 else None
    report(error=error, where=proof.where, proof_s=_since(t))
    report(verdict="wrong" if not proof.ok else "pass" if 1 - after / before >= 0.3 else "weak")


def _since(start: float) -> float:
    return round(time.process_time() - start, 3)


def half_of_everything(coupling: Any) -> dict[int, list[int]]:
    """A random half of every group: of heads rather than of their cells, of the width of groups rather than groups."""
    import numpy as np

    rng = np.random.default_rng(0)
    removed: dict[int, list[int]] = {}
    for group in coupling.groups:
        others = {coupling.groups[number].kind for number in group.overlaps}
        left_alone = (group.kind == "head size" and "heads" in others) or (
            group.kind == "groups" and others & {"group width", "channels"}
        )
        half = group.units - int(group.units * (1 - RATIO))  # as Torch-Pruning rounds
        count = 0 if left_alone else min(half, group.units - group.min_units)
        removed[group.index] = sorted(rng.choice(group.units, count, replace=False).tolist())
    return removed


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="regular expression on set:name")
    parser.add_argument("--retry", default="^$", help="regular expression on the verdicts to run again")
    parser.add_argument("--families", action="store_true", help="one small member of every family of timm")
    parser.add_argument("--peer", action="store_true", help="measure Torch-Pruning")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    import coverage_models
    import coverage_peer
    import torch
    from coverage_isolation import isolated

    torch.set_num_threads(1)
    warm_up(options.peer)
    what, key = (coverage_peer.measure, "peer") if options.peer else (measure, "rows")
    specs = coverage_models.families() if options.families else coverage_models.names()
    for spec in specs:
        old = read(options.out)[key].get(spec)
        if not re.search(options.only, spec) or (old and not re.search(options.retry, old["verdict"])):
            continue
        kind, name = spec.split(":")
        row = {"set": kind, "name": name, **isolated(what, spec)}
        print(_line(spec, row), flush=True)
        data = read(options.out)  # the other pass may have written meanwhile
        data["versions"].update(versions(options.peer))
        data[key][spec] = row
        write(options.out, data)
    print(table(read(options.out)))


def warm_up(peer: bool) -> None:
    """Import what is imported on first use, which no model is to be charged with."""
    from torch import nn, zeros

    from lissom import graph

    if peer:
        import torch_pruning as torch_pruning
    else:
        model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
        coupling = graph.couple(graph.capture(model, (zeros(1, 4),)))
        graph.prune(model, coupling.cut({0: [0]}), coupling=coupling)


def versions(peer: bool) -> dict[str, str]:
    """What was measured with."""
    from importlib.metadata import version

    names = ("torch", "torchvision", "timm", "transformers", *(("torch-pruning",) if peer else ()))
    return {name: version(name) for name in names}


def read(path: Path) -> dict[str, Any]:
    """What is in a file of results so far."""
    return json.loads(path.read_text()) if path.exists() else {"versions": {}, "rows": {}, "peer": {}}


def write(path: Path, data: dict[str, Any]) -> None:
    """Replace a file of results as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(data, indent=1) + "\n")
    new.replace(path)


def _line(spec: str, row: dict[str, Any]) -> str:
    shown = ("gone", "own_class", "error", "couple_s", "seconds", "unknown", "where", "why", "at")
    return f"{spec:45s} {row['verdict']:16s} " + " ".join(f"{k}={row[k]}" for k in shown if row.get(k))


def table(data: dict[str, Any]) -> str:
    """Verdicts by set, beside Torch-Pruning's."""
    head = ("set", "models", "pass", "weak", "wrong", "other", "own class", "median s", "peer pass", "peer median s")
    lines = [" ".join(f"{word:>13s}" for word in head)]
    for name in dict.fromkeys(row["set"] for row in data["rows"].values()):
        mine = [row for row in data["rows"].values() if row["set"] == name]
        theirs = [row for row in data["peer"].values() if row["set"] == name]
        count = {v: sum(row["verdict"] == v for row in mine) for v in ("pass", "weak", "wrong")}
        cells = [name, len(mine), *count.values(), len(mine) - sum(count.values())]
        cells += [sum(bool(row.get("own_class")) for row in mine), _median(mine)]
        cells += [sum(row["verdict"] == "pass" for row in theirs), _median(theirs)]
        lines.append(" ".join(f"{cell!s:>13s}" for cell in cells))
    return "\n".join(lines)


def _median(rows: list[dict[str, Any]]) -> str:
    seconds = sorted(row["seconds"] for row in rows if "seconds" in row)
    return f"{seconds[len(seconds) // 2]:.1f}" if seconds else "-"


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
