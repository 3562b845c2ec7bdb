"""The table that ``print(profile)`` shows."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lissom.core.units import format_bytes

if TYPE_CHECKING:
    from lissom.cost.records import Layer, Profile

Row = tuple[str, ...]
_HEADER: Row = ("layer", "type", "output", "parameters", "%", "MACs", "%", "allocates")
_LEFT = 3  # the first three columns are words, the rest numbers


def profile_text(profile: "Profile", *, limit: int | None = 60) -> str:
    """A table with one line for each layer that multiplies or holds many weights.

    Args:
        profile: what to show.
        limit: at most this many layers, those that cost most, in the order they run; None shows all.
    """
    shown, rest = _choose(profile, limit)
    rows = [_row(layer, profile) for layer in shown]
    rows += [_rest_row(kind, layers, profile) for kind, layers in _by_kind(rest)]
    rows.append(_total(profile))
    shapes = ", ".join(_shape(shape) for shape in profile.inputs)
    return "\n".join([f"{profile.model}, input {shapes}", "", *_aligned(rows), "", *_notes(profile)])


def format_macs(macs: int) -> str:
    """Multiply-adds in millions with two decimals, as the literature prints them: ``"300.77 M"``.

    Below ten thousand, where that would say nothing, the number itself.
    """
    return f"{macs / 1e6:,.2f} M" if macs >= 10_000 else f"{macs:,}"


def _choose(profile: "Profile", limit: int | None) -> tuple[list["Layer"], list["Layer"]]:
    """The layers with a line of their own, and the rest, both in the order in which they run."""
    least = profile.parameters / 100
    main = [layer for layer in profile.layers if layer.all_macs or layer.parameters > least]
    if limit is not None and len(main) > limit:
        macs, parameters = max(1, profile.all_macs), max(1, profile.parameters)
        main.sort(key=lambda layer: layer.all_macs / macs + layer.parameters / parameters, reverse=True)
        main = main[:limit]
    names = {layer.name for layer in main}
    split: tuple[list[Layer], list[Layer]] = ([], [])
    for layer in profile.layers:
        split[layer.name not in names].append(layer)
    return split


def _row(layer: "Layer", profile: "Profile") -> Row:
    calls = f" x{layer.calls}" if layer.calls > 1 else ""
    return (
        layer.name or "(the model itself)",
        layer.kind + calls,
        _shape(layer.output_shape) if layer.calls else "not called",
        *_numbers(layer.parameters, layer.all_macs, layer.activation_bytes, profile),
    )


def _rest_row(kind: str, layers: Sequence["Layer"], profile: "Profile") -> Row:
    macs = sum(layer.all_macs for layer in layers)
    parameters = sum(layer.parameters for layer in layers)
    activation_bytes = sum(layer.activation_bytes for layer in layers)
    count = f"{len(layers)} others" if len(layers) > 1 else "1 other"
    return (count, kind, "", *_numbers(parameters, macs, activation_bytes, profile))


def _numbers(parameters: int, macs: int, activation_bytes: int, profile: "Profile") -> Row:
    return (
        f"{parameters:,}" if parameters else "",
        _percent(parameters, profile.parameters),
        format_macs(macs) if macs else "",
        _percent(macs, profile.all_macs),
        format_bytes(activation_bytes) if activation_bytes else "",
    )


def _total(profile: "Profile") -> Row:
    allocated = sum(layer.activation_bytes for layer in profile.layers)
    return ("total", "", "", *_numbers(profile.parameters, profile.all_macs, allocated, profile))


def _notes(profile: "Profile") -> list[str]:
    layers, attention = format_macs(profile.macs), format_macs(profile.attention_macs)
    place = profile.peak_layer or "the model itself"
    notes = [
        f"MACs of convolutions and linear layers {layers}, of attention {attention}",
        f"peak activation memory {format_bytes(profile.peak_memory_bytes)}, at {place}",
        f"weights {format_bytes(profile.size_bytes)}",
    ]
    if not profile.uncounted:
        return [*notes, "not counted: nothing"]
    notes.append("not counted (no counter for these operators):")
    for item in profile.uncounted:
        places = ", ".join(name or "the model itself" for name in item.layers[:3])
        more = f" and {len(item.layers) - 3} more" if len(item.layers) > 3 else ""
        notes.append(f"  {item.operator} x{item.calls} in {places}{more}")
    return notes


def _by_kind(layers: Sequence["Layer"]) -> list[tuple[str, list["Layer"]]]:
    kinds = Counter(layer.kind for layer in layers)
    return [(kind, [layer for layer in layers if layer.kind == kind]) for kind, _ in kinds.most_common()]


def _shape(shape: Sequence[int]) -> str:
    return " x ".join(str(size) for size in shape)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}" if part and whole else ""


def _aligned(rows: Sequence[Row]) -> list[str]:
    table = [_HEADER, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEADER))]
    lines = [_line(row, widths) for row in table]
    rule = "-" * max(len(line) for line in lines)
    return [lines[0], rule, *lines[1:-1], rule, lines[-1]]


def _line(row: Row, widths: Sequence[int]) -> str:
    words = [cell.ljust(width) for cell, width in zip(row[:_LEFT], widths[:_LEFT], strict=True)]
    numbers = [cell.rjust(width) for cell, width in zip(row[_LEFT:], widths[_LEFT:], strict=True)]
    return "  ".join(words + numbers).rstrip()
