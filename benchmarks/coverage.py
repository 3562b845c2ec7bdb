"""Cut half of every model that Torch-Pruning was measured on, prove each result, write benchmarks/results/coverage.json.

One process per model, one thread, 60 s from the model to the pruned model (the proof is not counted). Resumable:
models that are in the results already are skipped; ``--retry REGEX`` runs those again whose verdict matches.

    python benchmarks/coverage.py [--only REGEX] [--retry REGEX] [--families] [--out FILE]
"""

import argparse
import json
import os
import re
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

LIMIT_S = 60
PROOF_LIMIT_S = 400
RESULTS = Path(__file__).parent / "results" / "coverage.json"
for _variable, _value in (("OMP_NUM_THREADS", "1"), ("HF_HUB_OFFLINE", "1"), ("TOKENIZERS_PARALLELISM", "false")):
    os.environ.setdefault(_variable, _value)


def measure(spec: str, ratio: float, report: Any) -> None:
    """Cut one model and prove it; ``report`` takes each finding as it becomes known."""
    import coverage_models
    import torch

    from lissom import graph

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    report(stage="build")
    model, args, kwargs = coverage_models.build(spec)
    model.eval()
    before = sum(p.numel() for p in model.parameters())
    report(parameters=before, stage="capture")
    start = time.perf_counter()
    captured = graph.capture(model, args, kwargs, parts=True)
    report(capture_s=round(time.perf_counter() - start, 2), stage="couple")
    t = time.perf_counter()
    coupling = graph.couple(captured)
    report(couple_s=round(time.perf_counter() - t, 2), groups=len(coupling.groups), unknown=dict(coupling.unknown))
    report(stage="cut")
    t = time.perf_counter()
    cut = coupling.cut(half_of_everything(coupling, ratio))
    report(cut_s=round(time.perf_counter() - t, 2), stage="prune")
    t = time.perf_counter()
    pruned = graph.prune(model, cut, capture=captured)
    report(prune_s=round(time.perf_counter() - t, 2), seconds=round(time.perf_counter() - start, 2))
    after = sum(p.numel() for p in pruned.module.parameters())
    report(gone=round(1 - after / before, 4), own_class=pruned.own_class, notes=list(pruned.notes), stage="prove")
    t = time.perf_counter()
    proof = graph.verify(model, pruned.module, cut, args, kwargs, capture=captured)
    report(
        error=proof.error if proof.error < 1e300 else None, where=proof.where, proof_s=round(time.perf_counter() - t, 2)
    )
    report(verdict="wrong" if not proof.ok else "pass" if 1 - after / before >= 0.3 else "weak")


def half_of_everything(coupling: Any, ratio: float) -> dict[int, list[int]]:
    """A random half of every group; where a group of heads overlaps one of cells of heads, of the cells only."""
    import numpy as np

    rng = np.random.default_rng(0)
    removed: dict[int, list[int]] = {}
    for group in coupling.groups:
        whole = group.kind in ("heads", "groups") and any(
            coupling.groups[o].kind in ("head size", "group width", "channels") for o in group.overlaps
        )
        count = 0 if whole else min(round(group.units * ratio), group.units - group.min_units)
        removed[group.index] = sorted(rng.choice(group.units, count, replace=False).tolist())
    return removed


def isolated(spec: str, ratio: float, limit_s: float) -> dict[str, Any]:
    """Run one model in a process of its own, with a limit on time."""
    handle, path = tempfile.mkstemp()
    start, child = time.time(), os.fork()
    if child == 0:
        _child(spec, ratio, handle)
    limit = start + limit_s + 15
    status = None
    while status is None:
        done, code = os.waitpid(child, os.WNOHANG)
        status = code if done else None
        found = _findings(path)
        if found.get("stage") == "prove":
            limit = start + limit_s + PROOF_LIMIT_S
        if status is None and time.time() > limit:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            status = -1
        time.sleep(0.05)
    os.close(handle)
    found = _findings(path)
    os.unlink(path)
    if "verdict" not in found:
        found["verdict"] = f"{'timeout' if status == -1 else 'crash'}:{found.get('stage', 'start')}"
    if found.get("seconds", 0) > limit_s:
        found["verdict"] = "timeout:total"
    return {"set": spec.split(":")[0], "name": spec.split(":")[1], **found}


def _child(spec: str, ratio: float, handle: int) -> None:
    def report(**finding: Any) -> None:
        os.write(handle, (json.dumps(finding) + "\n").encode())

    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    try:
        measure(spec, ratio, report)
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{os.path.basename(frame.filename)}:{frame.lineno} {frame.name}"
        report(verdict="fail", why=f"{type(error).__name__}: {str(error)[:300]}", at=where)
    finally:
        os._exit(0)


def _findings(path: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for line in Path(path).read_text().splitlines():
        found.update(json.loads(line))
    return found


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="regular expression on set:name")
    parser.add_argument("--retry", default="^$", help="regular expression on the verdicts to run again")
    parser.add_argument("--families", action="store_true", help="one small member of every family of timm")
    parser.add_argument("--ratio", type=float, default=0.5)
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds from the model to the pruned model")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    import coverage_models
    import timm
    import torch
    import torchvision
    import transformers

    torch.set_num_threads(1)
    data = json.loads(options.out.read_text()) if options.out.exists() else {"rows": {}}
    data["versions"] = {m.__name__: m.__version__ for m in (torch, torchvision, timm, transformers)}
    specs = coverage_models.families() if options.families else coverage_models.names()
    for spec in specs:
        old = data["rows"].get(spec)
        if not re.search(options.only, spec) or (old and not re.search(options.retry, old["verdict"])):
            continue
        row = isolated(spec, options.ratio, options.limit)
        data["rows"][spec] = row
        print(f"{spec:45s} {row['verdict']:16s} gone={row.get('gone')} own={row.get('own_class')} error={row.get('error')} "
              f"couple={row.get('couple_s')} total={row.get('seconds')} {row.get('unknown') or ''} {row.get('where') or ''} "
              f"{row.get('why', '')[:160]} {row.get('at', '')}", flush=True)  # fmt: skip
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(data, indent=1))
    print(table(data["rows"]))


def table(rows: dict[str, dict[str, Any]]) -> str:
    """Verdicts by set."""
    lines = [
        f"{'set':8s} {'models':>6s} {'pass':>5s} {'weak':>5s} {'wrong':>5s} {'other':>5s} {'own class':>9s} {'median s':>8s}"
    ]
    for name in dict.fromkeys(row["set"] for row in rows.values()):
        mine = [row for row in rows.values() if row["set"] == name]
        count = {v: sum(row["verdict"] == v for row in mine) for v in ("pass", "weak", "wrong")}
        own = sum(bool(row.get("own_class")) for row in mine)
        seconds = sorted(row.get("seconds", LIMIT_S) for row in mine)
        lines.append(f"{name:8s} {len(mine):6d} {count['pass']:5d} {count['weak']:5d} {count['wrong']:5d} "
                     f"{len(mine) - sum(count.values()):5d} {own:9d} {seconds[len(mine) // 2]:8.1f}")  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
