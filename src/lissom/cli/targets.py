"""``lissom targets``: the runtimes a model can be made for, and which of them work here."""

import json
from typing import Annotated, Any

import typer


def targets(
    names: Annotated[list[str] | None, typer.Argument(help="These alone; all of them without names.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the targets: what is installed, in which versions, and whether it makes and runs a model on this machine.

    Example: lissom targets onnxruntime
    """
    from lissom.core.machine import describe
    from lissom.core.progress import Progress
    from lissom.targets import TARGETS
    from lissom.targets.trying import try_apart

    chosen = list(TARGETS)
    if names:
        for name in names:
            TARGETS.check(name)  # an unknown one is refused before anything is tried
        chosen = names
    machine, progress = describe(), Progress()
    found: list[dict[str, Any]] = []
    for name in chosen:
        with progress.waiting(f"trying {name}"):
            found.append(try_apart(name))
    if json_output:
        print(json.dumps({"machine": machine.processor, "targets": found}, indent=2))
        return
    print(f"{machine.processor}, {machine.cores} cores, {' '.join(machine.instructions)}")
    for item in found:
        print(f"  {item['name']:<12} {_state(item)}")


def _state(item: dict[str, Any]) -> str:
    versions = ", ".join(f"{package} {version}" for package, version in item["versions"].items())
    if item["works"]:
        return f"works: {', '.join(item['precisions'])}; {versions}"
    return f"not here: {item['why']}" + (f" ({item['hint']})" if item["hint"] else "")
