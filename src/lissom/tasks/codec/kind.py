"""The task codec, as the table of tasks has it."""

from lissom.tasks.kind import Kind, Option

KIND = Kind(
    examples="films",
    input="VIDEO.mp4",
    loader="lissom.tasks.codec.loading:load_codec_workload",
    handling="lissom.tasks.codec",
    settings="lissom.tasks.codec.options:CodecOptions",
    requirements=("numpy", "av", "constriction", "onnxruntime"),
    options=(Option("windows", int, "Windows to learn from; by default 320."),),
    disagreement=None,
    percent_lost=True,
    hope=1.0,  # a cut that is within already: how much a codec's recovery makes good was seen on few runs
    attach="lissom.export.codec_files:codec_files",
    carried={"containers.py": "lissom.tasks.containers"},
    shown=128,  # by which it is found how large values in its networks get
)
