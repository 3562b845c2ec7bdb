"""Write docs/scale.md from benchmarks/results/scale.json: what larger work costs, on paper.

python benchmarks/scale.py && python benchmarks/scale_page.py
"""

import json
from pathlib import Path

ROOT = Path(__file__).parent.parent
PICTURES, EPOCHS, GPUS = 1_281_167, 10, 8
MACS = 4.1e9  # of ResNet-50 at 224 pixels, forward
SUSTAINED = 60e12  # operations a second of one GPU in bfloat16: assumed, not measured
NETWORK = 1.25e9  # bytes a second between machines: 10 Gbit/s, assumed
TRIALS, WORKERS, TRIAL_S, MEASURE_S = 1000, 32, 1800, 60  # assumed

PAGE = """# Larger work

How a run grows beyond one process, and what that costs. Figures marked *measured* come from `benchmarks/scale.py`
on {machine} (one thread); the others are assumptions, and are named as such.
Nothing on this page was measured on a GPU.

## Several processes learn together

    torchrun --nproc-per-node 8 -m lissom compress MODEL --data DATA --budget "latency<=20ms, drop<=1pt" -o runs/big

`pip install 'lissom[accelerate]'`. Shown with two processes on one machine; with several machines the folder of the
run has to be on a file system that all of them see. All processes load the model and the data. The first one does
everything that is done once: it measures, decides, and writes the run. The others wait, without using a core, until
a step learns, and then learn along: each has its part of every batch, gradients are averaged, so the result is that
of one process with the whole batch (`tests/train/test_team.py`). Two things differ: BatchNorm sees each
process's part alone, and its counts are averaged after each epoch; losses that compare examples with each other
compare those of one process. Nothing is wrapped around a model. When a process is lost the
run ends with an error, and the same command goes on after the last finished epoch. `torchrun` says in its own words
when the exit code is 1, which means here that the budget was not met.

## Trials on a Ray cluster

    lissom compress MODEL --data DATA --budget "latency<=20ms, drop<=1pt" --ray HOST:PORT -o runs/big

`pip install 'lissom[ray]'`. The recoveries that a search may ask for are given to the cluster, several at a time;
models and data are loaded there by the same names. When all are back, everything is measured here, one after the
other: start the command on the machine whose latency counts, and give that machine no work of the cluster (`ray
start --num-cpus 0`). Each result is kept when it comes, so a kill of the command loses none of those, and what a
lost worker had in hand is given to another one (`tests/engine/test_ray_cluster.py`: two workers, one lost). A
worker with another version of lissom, PyTorch or Python refuses, and so does one with other weights. A cluster that
cannot be reached is said within ten seconds. Ray itself sends its messages as pickles: use a cluster of your own.

## Data larger than memory

Pictures are read where they lie: folders, tars as WebDataset writes them, and what `datasets` saved with
`save_to_disk` (`pip install 'lissom[datasets]'`).

## ImageNet on {gpus} GPUs, on paper

ResNet-50, {pictures:,} pictures, a recovery of {epochs} epochs of the whole network (a cut one costs less).

| unit | cost | from |
|---|---:|---|
| learning from a picture, one core | {learn_s:.2f} s (± {learn_spread:.2f}, n = {turns}) | measured |
| the same on a GPU that sustains {sustained:.0f} TFLOP/s | {gpu_ms:.2f} ms | 6 x {macs:.1f} G operations, assumed |
| gradients of a step | {gradient_mb:.0f} MB | measured |
| their exchange at 10 Gbit/s | {exchange_s:.2f} s | 2 x size / rate, assumed |
| the original answers a picture, one core | {answer_s:.2f} s (± {answer_spread:.2f}, n = {turns}) | measured |

- One core: {pictures:,} x {epochs} x {learn_s:.2f} s = {core_days:,.0f} days. This is no work for a processor.
- {gpus} GPUs in one machine: {pictures:,} x {epochs} x {gpu_ms:.2f} ms / {gpus} = {gpu_min:.0f} minutes, where
  reading keeps up.
- Reading has to give {rate:,.0f} pictures a second for that. One thread decodes for each process, which is the
  limit here: more processes or smaller pictures on disk help.
- Over two machines a step of 1,024 pictures learns for {step_s:.2f} s and exchanges for up to {exchange_s:.2f} s:
  the exchange comes after the backward pass and is not hidden behind it.
- The original's answers are asked once, by the leading process alone: {pictures:,} x {answer_s:.2f} s / 32 cores =
  {answer_h:.1f} hours, more than the learning. `views` 0 in a plan asks the original beside the learner instead, on
  the GPUs.

## {trials:,} trials, on paper

With {workers} workers, {trial_min} minutes of learning a trial and a minute of measuring (both assumed): {trials:,}
x {trial_min} / {workers} = {learn_h:.1f} hours of learning, and {trials:,} minutes = {measure_h:.1f} hours of
measuring on the one quiet machine. So measuring is what limits more workers than about {balance:.0f}. A search of
ours tries at most a few cuts; a front tries six.

The ledger is no limit: a record takes {append_ms:.1f} ms of processor to write (with its way to the disk) and
{bytes:.0f} bytes; the records of {trials:,} trials, about 20 each, are {ledger_mb:.0f} MB and read in {read_s:.1f}
s (measured per record).
"""


def main() -> None:
    """Fill the page in."""
    found = json.loads((ROOT / "benchmarks" / "results" / "scale.json").read_text(encoding="utf-8"))
    gpu_s = 6 * MACS / SUSTAINED
    machine = found["machine"]
    text = PAGE.format(
        machine=f"{machine.get('processor', 'one machine')}, torch {found['torch']}",
        gpus=GPUS,
        pictures=PICTURES,
        epochs=EPOCHS,
        turns=found["turns"],
        learn_s=found["resnet50_learn_s_per_picture"],
        learn_spread=found["resnet50_learn_spread_s"],
        answer_s=found["resnet50_answer_s_per_picture"],
        answer_spread=found["resnet50_answer_spread_s"],
        sustained=SUSTAINED / 1e12,
        macs=MACS / 1e9,
        gpu_ms=gpu_s * 1e3,
        gradient_mb=found["resnet50_gradient_bytes"] / 1e6,
        exchange_s=2 * found["resnet50_gradient_bytes"] / NETWORK,
        core_days=PICTURES * EPOCHS * found["resnet50_learn_s_per_picture"] / 86400,
        gpu_min=PICTURES * EPOCHS * gpu_s / GPUS / 60,
        rate=GPUS / gpu_s,
        step_s=1024 * gpu_s / (2 * GPUS),
        answer_h=PICTURES * found["resnet50_answer_s_per_picture"] / 32 / 3600,
        trials=TRIALS,
        workers=WORKERS,
        trial_min=TRIAL_S // 60,
        learn_h=TRIALS * TRIAL_S / WORKERS / 3600,
        measure_h=TRIALS * MEASURE_S / 3600,
        balance=TRIAL_S / MEASURE_S,
        append_ms=found["ledger_append_s"] * 1e3,
        bytes=found["ledger_bytes"],
        ledger_mb=TRIALS * 20 * found["ledger_bytes"] / 1e6,
        read_s=TRIALS * 20 * found["ledger_read_s"],
    )
    (ROOT / "docs" / "scale.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
