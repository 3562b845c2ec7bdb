"""``lissom compress``: a model and a budget in, an artefact with proof out."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from lissom.cli.plans import check_words, print_json, read_plan
from lissom.cli.task_options import options_of, with_task_options
from lissom.tasks import TASKS
from lissom.tasks.kind import words

Model = Annotated[
    str,
    typer.Argument(
        help="zoo:NAME, torchvision:NAME, timm:NAME, hf:DIR, ct2:DIR, or file.py:function.", show_default=False
    ),
]


@with_task_options
def compress(
    model: Model,
    data: Annotated[
        str, typer.Option(help="A known data set, a folder or zip of class folders, a table, or file.py:function.")
    ],
    budget: Annotated[
        str | None,
        typer.Option(
            help='Limits, such as "latency<=5ms, size<=2MB, drop<=0.5pt"; drop<=1% alone for --front and --plan.',
            show_default=False,
        ),
    ] = None,
    front: Annotated[
        bool,
        typer.Option("--front", help="Find what can be had at every size: lissom apply takes another point later."),
    ] = False,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the run.")] = Path("runs/lissom"),
    task: Annotated[str, typer.Option(help="What the model does.")] = "image",
    target: Annotated[
        str, typer.Option(help="The runtime it will run on; auto: the fastest of those installed.")
    ] = "onnxruntime",
    weights: Annotated[Path | None, typer.Option(help="A checkpoint: .safetensors, or a state dict in .pt.")] = None,
    random_weights: Annotated[bool, typer.Option("--random-weights", help="Do without trained weights.")] = False,
    download: Annotated[bool, typer.Option("--download", help="Allow weights and data to be fetched.")] = False,
    keep: Annotated[
        list[str] | None, typer.Option(help="Name pattern of layers to leave alone; may be repeated.")
    ] = None,
    classes: Annotated[str | None, typer.Option(help="Names of the model's outputs in order, by commas.")] = None,
    select: Annotated[float | None, typer.Option(help="Share of train to choose by, where data has none.")] = None,
    methods: Annotated[
        str, typer.Option(help="What to try: prune, depth, separable, low-rank, sparsity, by commas.")
    ] = "prune",
    time_limit: Annotated[str | None, typer.Option(help="End with the best so far after 90s, 10m, 1h.")] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Length of a recovery; by default what the time allows, at most 30; of a plan 8.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Threads that latency is measured with.")] = 1,
    batch: Annotated[int, typer.Option(help="Batch that latency is measured with.")] = 1,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    plan: Annotated[
        str | None,
        typer.Option(
            help="int8, distilbert, minilm, tinybert, shallow-decoder, or a plan in JSON: nothing is searched."
        ),
    ] = None,
    ray: Annotated[
        str | None, typer.Option(help="HOST:PORT of a Ray cluster that learns, several trials at a time; or auto.")
    ] = None,
    print_plan: Annotated[bool, typer.Option("--print-plan", help="Print the plan as JSON, and stop.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="A trial run on little data: its figures mean nothing.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, score the original, and stop.")] = False,
    texts: Annotated[str | None, typer.Option(help="Texts without labels for a plan, one in each line.")] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
    **own: Any,
) -> None:
    """Make a model meet a budget on a target, and prove it.

    The folder gets summary.json, report.html and bundle/. The same command on the same folder goes on where it
    was stopped. Exit code 0: the budget is met; 1: it is not, and the closest result is there; 2: an error.

    Example: lissom compress zoo:sample --data fashion-mnist --budget "size<=2%, drop<=0.5pt" -o runs/demo
    """
    check_words(plan, front=front, print_plan=print_plan, texts=texts, epochs=epochs)
    budget = _budget(budget, searched=not front and plan is None)
    own = options_of(task, own)
    from lissom.api import compress as compress_workload
    from lissom.api import find_target, load
    from lissom.core.machine import check_threads
    from lissom.core.records import Settings
    from lissom.core.units import parse_seconds
    from lissom.engine.options import Options
    from lissom.engine.racing import is_race, racing

    if is_race(target):
        racing(target)  # what was named is there
    else:
        find_target(target)
    options = Options(
        threads=threads,
        batch=batch,
        seed=seed,
        time_limit_s=None if time_limit is None else parse_seconds(time_limit),
        epochs=epochs,
        front=front,
        methods=tuple(name.strip() for name in methods.split(",")),
    )
    options = options.quick() if quick else options
    check_threads(threads)
    loading = {
        "random_weights": random_weights,
        "keep": list(keep or ()),
        "limit": TASKS.get(task).quick if quick else None,
        "select": select,
        **({} if classes is None else {"classes": words("--classes", classes)}),
        **own,
    }
    workload = load(model, data=data, task=task, weights=weights, download=download, seed=seed, **loading)
    given = None if plan is None else read_plan(plan, workload, options, epochs=epochs, texts=texts)
    if given is not None and print_plan:
        print_json(given)
        return
    if dry_run:
        from lissom.cli.checks import print_checks

        print_checks(workload, budget, target, options, planned=given is not None, as_json=json_output)
        return
    run = compress_workload(
        workload,
        budget=budget,
        target=target,
        output=output,
        options=options,
        plan=given,
        ray=ray,
        settings=Settings(
            model=model,
            data=data,
            task=task,
            budget=budget,
            target=target,
            threads=threads,
            batch=batch,
            seed=seed,
            options={
                **options.deciding(),
                "weights": None if weights is None else str(weights),
                "loading": json.loads(json.dumps(loading)),
                **({} if given is None else {"recipe": plan, "texts": texts}),
            },
        ),
    )
    if json_output:
        print((output / "summary.json").read_text(encoding="utf-8"), end="")
    else:
        print(run)
    if not run.met:
        raise typer.Exit(1)


def _budget(text: str | None, *, searched: bool) -> str:
    """The budget, checked before anything slow is imported; only a search needs more than the usual drop."""
    from lissom.core.errors import LissomError
    from lissom.plan.budget import DEFAULT_DROP, check_costs, parse_budget

    if text is None:
        if searched:
            raise LissomError("there is no budget", hint=('--budget "latency<=15%, drop<=0.5pt"', "or --front"))
        return DEFAULT_DROP.text
    limits = parse_budget(text)
    if searched:
        check_costs(limits)
    return text
