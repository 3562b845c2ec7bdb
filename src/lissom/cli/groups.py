"""``lissom groups``: what must be removed together in a model, and why."""

import json
import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lissom.cli.inputs import example, parse_input
from lissom.core.errors import LissomError

if TYPE_CHECKING:
    from lissom.graph import Coupling, Group

LESSON = """\
A unit goes only together with the slices of all parameters that make it, go along with it, or read it.
Units that look alike are a group; any of them can go, as long as one stays. Inputs and outputs stay.
"""


def groups(
    model: Annotated[
        str,
        typer.Argument(
            help="zoo:NAME, torchvision:NAME, timm:NAME, hf:DIR, ct2:DIR or file.py:function.", show_default=False
        ),
    ],
    group: Annotated[
        str | None, typer.Option(help="Show one group in full, by its number or a layer in it.", show_default=False)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show every group in full.")] = False,
    keep: Annotated[list[str] | None, typer.Option(help="Leave these layers alone. May be repeated.")] = None,
    shapes: Annotated[
        list[str] | None,
        typer.Option("--input", help="Shape of an input, such as 1x3x224x224 or 1x128:int64. May be repeated."),
    ] = None,
    num_classes: Annotated[int | None, typer.Option(help="Outputs to build.", show_default=False)] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show what goes together when channels, heads or groups are removed from a model, and why.

    Weights do not matter here, so random ones are used.

    Example: lissom groups zoo:resnet20 --group layers.0.conv1
    """
    from lissom.core.progress import Progress
    from lissom.graph import capture, couple
    from lissom.workload.models import CTRANSLATE2, load_model

    asked = [parse_input(text) for text in shapes or ()]
    loaded = load_model(model, random_weights=not model.startswith(CTRANSLATE2), num_classes=num_classes)
    module, inputs = example(asked, model, loaded)
    with Progress().waiting(f"following {loaded.name}"):
        coupling = couple(capture(module, inputs, parts=True), keep=keep or ())
    chosen = _chosen(coupling, group)
    if json_output:
        print(json.dumps(_described(loaded.name, coupling, chosen), indent=2))
    elif everything or group is not None:
        print("\n\n".join(map(str, chosen)))
    else:
        print(_overview(loaded.name, model, coupling))


def _chosen(coupling: "Coupling", wanted: str | None) -> "list[Group]":
    """The groups with this number or name, or in which this layer has a part."""
    if wanted is None:
        return list(coupling.groups)
    if wanted.isdecimal() and int(wanted) < len(coupling.groups):
        return [coupling.groups[int(wanted)]]
    found = [g for g in coupling.groups if wanted == g.name or any(wanted in (m.name, m.module) for m in g.members)]
    if not found:
        names = list(dict.fromkeys(m.module for g in coupling.groups for m in g.members if m.module))
        raise LissomError(
            f"--group {wanted!r} is neither the number of a group nor a layer in one",
            hint=f"groups are 0 to {len(coupling.groups) - 1}, layers {', '.join(names[:3])}, ...",
        )
    return found


def _overview(name: str, spec: str, coupling: "Coupling") -> str:
    found, total = coupling.groups, _total(coupling)
    lines = [f"{name}: {len(found)} groups of {sum(g.units for g in found)} units, {total:,} parameters", ""]
    if found:
        width = max(len(_made_by(g)) for g in found)
        lines += [*LESSON.splitlines(), ""]
        lines.append(f"{'group':>5s} {'units':>6s}  {'kind':12s} {'made by':{width}s} {'parameters each':>15s}")
        for g in found:
            share = _unit_parameters(coupling, g)
            lines.append(f"{g.index:5d} {g.units:6d}  {g.kind:12s} {_made_by(g):{width}s} {share:15,d}")
    else:
        lines.append("nothing can be removed: all that the layers make is read or put out at its full size")
    lines += [f"note: {note}" for note in coupling.notes]
    return "\n".join([*lines, "", f"next: lissom groups {spec} --group 0"] if found else lines)


def _made_by(group: "Group") -> str:
    makers = {m.module or m.name for m in group.producers}
    return group.name + (f" and {len(makers) - 1} more" if len(makers) > 1 else "")


def _total(coupling: "Coupling") -> int:
    return sum(parameter.numel() for parameter in coupling.capture.model.parameters())


def _unit_parameters(coupling: "Coupling", group: "Group") -> int:
    """The parameters that go with one unit alone."""
    shapes = {n: tuple(p.shape) for n, p in coupling.capture.model.named_parameters()}
    left: dict[str, list[int]] = {}
    for member in group.members:
        if member.name in shapes:
            left.setdefault(member.name, list(shapes[member.name]))[member.dim] -= member.indices.shape[1]
    return sum(_size(shapes[name]) - _size(sizes) for name, sizes in left.items())


def _size(shape: "tuple[int, ...] | list[int]") -> int:
    return math.prod(shape)


def _described(name: str, coupling: "Coupling", chosen: "list[Group]") -> dict[str, Any]:
    return {
        "name": name,
        "parameters": _total(coupling),
        "groups": [
            {
                "index": g.index,
                "kind": g.kind,
                "name": g.name,
                "units": g.units,
                "min_units": g.min_units,
                "parameters_per_unit": _unit_parameters(coupling, g),
                "overlaps": list(g.overlaps),
                "ties": list(g.ties),
                "members": [
                    {"name": m.name, "dim": m.dim, "role": m.role, "indices": m.indices.tolist()} for m in g.members
                ],
            }
            for g in chosen
        ],
        "notes": list(coupling.notes),
    }
