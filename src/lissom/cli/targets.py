"""``lissom targets``: the runtimes a model can be made for, and which of them work here."""

import json
from typing import Annotated

import typer


def targets(json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """List the targets: what is installed here, in which version.

    Example: lissom targets
    """
    from lissom.core.machine import describe
    from lissom.targets import TARGETS

    machine = describe()
    found = []
    for name in TARGETS:
        missing = TARGETS.get(name)().missing()
        found.append({"name": name, "works": missing is None, "version": machine.versions.get(name), "why": missing})
    if json_output:
        print(json.dumps({"machine": machine.processor, "targets": found}, indent=2))
        return
    print(f"{machine.processor}, {machine.cores} cores, {' '.join(machine.instructions)}")
    for item in found:
        state = f"works, version {item['version']}" if item["works"] else f"not here: {item['why']}"
        print(f"  {item['name']:<14} {state}")
