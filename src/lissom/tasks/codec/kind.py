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
    hope=1.0,  # ten minutes of recovery made good 6.6 points of a codec that lost 2.7
    attach="lissom.export.codec_files:codec_files",
)
