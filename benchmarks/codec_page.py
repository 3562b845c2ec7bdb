"""The section on video compression of docs/results.md, from what benchmarks/codec.py measured."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "codec.json"
MACS, SHARE, LOSS, FRAMES = 15_000, 0.40, 5.0, 25  # what was asked for


def section() -> list[str]:
    """The lines; none where nothing was measured yet."""
    if not RESULTS.exists():
        return []
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    lines = ["", "## A learned video codec, full and light", ""]
    lines += [*_costs(found["costs"])] if "costs" in found else []
    lines += [*_rates(found)] if "rates" in found else []
    lines += [*_crossed(found)] if "crossed" in found else []
    lines += [*_decoding(found["decoding"])] if "decoding" in found else []
    lines += [*_int8(found)] if {"encoder", "size_bytes"} <= found.keys() else []
    lines += [*_verdicts(found)] if {"costs", "rates", "decoding"} <= found.keys() else []
    machine = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines.append(f"By `benchmarks/codec.py`, on {machine['processor']} ({machine['cores']} cores); {versions}.")
    return lines


def _costs(costs: dict[str, dict[str, float]]) -> list[str]:
    before, after = costs["original"], costs["light"]
    share = after["macs_a_pixel"] / before["macs_a_pixel"]
    both, alone = (
        [f"{each[name] / 1e3:.2f}" for each in (before, after)] for name in ("macs_a_pixel", "decoder_macs_a_pixel")
    )
    return [
        f"Encoder and decoder of `zoo:codec` take {both[0]} thousand multiply-adds a pixel, the light ones {both[1]}",
        f"thousand ({share:.1%}); the decoders alone {alone[0]} and {alone[1]}.",
        "",
    ]


def _verdicts(found: dict[str, Any]) -> list[str]:
    """What was asked for, and whether it was reached."""
    before, after = (found["costs"][way]["macs_a_pixel"] for way in ("original", "light"))
    lost = [row["bd_rate"]["light against original"] for row in found["rates"]]
    psnr, similarity = (max(row[measure] for row in lost) for measure in ("psnr", "ms_ssim"))
    frames = 1e3 / found["decoding"]["light"]["ms_a_frame"]
    asked = (
        (f"the original takes at most {MACS:,} multiply-adds a pixel", f"{before:,.0f}", before <= MACS),
        (f"the light one at most {SHARE:.0%} of them", f"{after / before:.1%}", after <= SHARE * before),
        (f"at most {LOSS:g} % more rate by PSNR", f"{psnr:+.1f} % at most", psnr <= LOSS),
        (f"at most {LOSS:g} % more rate by MS-SSIM", f"{similarity:+.1f} % at most", similarity <= LOSS),
        (f"{FRAMES} frames of 320x240 a second are decoded", f"{frames:.0f}", frames >= FRAMES),
        *_same(found),
    )
    told = [f"- {what}: {value}, {'reached' if reached else '**not reached**'}." for what, value, reached in asked]
    return ["Asked for:", "", *told, ""]


def _same(found: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """Whether streams are decoded alike everywhere."""
    rows = found.get("crossed", [])
    same = [row["same_in_another_process"] and not row["largest_difference_in_another_runtime"] for row in rows]
    what = "streams decode bit by bit in another process and another runtime"
    return [(what, f"{sum(same)} of {len(same)}", all(same))] if rows else []


def _rates(found: dict[str, Any]) -> list[str]:
    peers = "; ".join(
        f"{name}: {', '.join(f'{k}={v}' for k, v in way.items())}" for name, way in found["peers"].items()
    )
    lines = [
        "BD-rate in percent by real streams, on films that were neither learnt from nor chosen by (positive: so much",
        "more rate for the same quality). PSNR of the planes as 6 to 1 to 1; MS-SSIM of luma, in dB. All have a key",
        f"frame at least every {found['keys']} frames, and no frame waits for a later one.",
        f"{peers}.",
        "",
        "| film | frames | comparison | BD-rate, PSNR | BD-rate, MS-SSIM |",
        "|---|---|---|---|---|",
    ]
    for row in found["rates"]:
        name = f"{row['clip']} {row['size'][0]}x{row['size'][1]}"
        for comparison, values in row["bd_rate"].items():
            cells = [name, str(row["frames"]), comparison, *(_percent(values[key]) for key in ("psnr", "ms_ssim"))]
            lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", *_curves(found["rates"]), ""]


def _percent(value: float | None) -> str:
    return "no quality in common" if value is None else f"{value:+.1f} %"


def _curves(rows: list[dict[str, Any]]) -> list[str]:
    lines = ["| film | codec | bits a pixel: PSNR in dB |", "|---|---|---|"]
    for row in rows:
        for name, curve in row["curves"].items():
            points = ", ".join(f"{point['bpp']:.3f}: {point['psnr']:.1f}" for point in curve)
            lines.append(f"| {row['clip']} | {name} | {points} |")
    return lines


def _crossed(found: dict[str, Any]) -> list[str]:
    first, second = found["runtimes"]
    lines = [
        f"Streams written with {first}, decoded in another process and by {second}: all values of all planes compared.",
        "",
        f"| film | codec | frames | another process | largest difference in {second} | levels that differ |",
        "|---|---|---|---|---|---|",
    ]
    for row in found["crossed"]:
        same = "the same bit by bit" if row["same_in_another_process"] else "**differs**"
        far, share = row["largest_difference_in_another_runtime"], row["levels_that_differ"]
        lines.append(f"| {row['clip']} | {row['codec']} | {row['frames']} | {same} | {far} of 255 | {share:.4%} |")
    return [*lines, ""]


def _int8(found: dict[str, Any]) -> list[str]:
    sizes, times = found["size_bytes"], found["encoder"]
    sums = {way: " + ".join(f"{size / 1e6:.2f}" for size in each.values()) for way, each in sizes.items()}
    files = " + ".join(f"`{name}`" for name in sizes["original"])
    told = [
        f"{way} {times[way]['ms']:.1f} ms ({times[way]['interval_ms'][0]:.1f} to {times[way]['interval_ms'][1]:.1f})"
        for way in sizes
    ]
    return [
        "`int8` is the original with its encoder's blocks in INT8; the decoder's whole numbers are the same, and so",
        f"are the pictures that a stream is decoded to. {files} are {sums['original']} MB of the original,",
        f"{sums['int8']} MB in INT8, {sums['light']} MB of the light one. Encoders alone, on a padded frame of",
        f"{times['size'][0]}x{times['size'][1]}, one thread, in turn (95 % interval): {', '.join(told)}.",
        "",
    ]


def _decoding(found: dict[str, Any]) -> list[str]:
    width, height = found["size"]
    ways = ((way, found[way]["ms_a_frame"], found[way]["samples"]) for way in ("original", "light"))
    told = ", ".join(f"{way} {median:.1f} ms ({min(each):.1f} to {max(each):.1f})" for way, median, each in ways)
    return [
        f"Decoding {width}x{height} on {found['threads']} thread, all of it (ranges, prior, motion, network), in turn,",
        f"a frame, the median of {len(found['light']['samples'])} runs over {found['clip']} (least to most): {told}.",
        "",
    ]
