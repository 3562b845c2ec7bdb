"""The task video, as the table of tasks has it."""

from lissom.tasks.kind import Kind, Option, numbers

KIND = Kind(
    examples="videos",
    input="VIDEO.mp4",
    loader="lissom.tasks.video.loading:load_video_workload",
    handling="lissom.tasks.video",
    settings="lissom.tasks.video.options:VideoOptions",
    requirements=("numpy", "av"),
    options=(
        Option("frames", int, "Frames of a clip; by default 8."),
        Option("clips", int, "Clips of a video at test, whose mean is its answer; by default 1."),
        Option("size", int, "Side of the input in pixels."),
        Option("resize", int, "Shorter side before the crop, in pixels."),
        Option("mean", str, "Mean by channel, such as 0.485,0.456,0.406.", numbers),
        Option("std", str, "Deviation by channel.", numbers),
        Option("group", str, "Pattern that finds in a path what is never divided."),
    ),
    quick=120,
    attach="lissom.export.stream_file:stream_files",
    carried={"containers.py": "lissom.tasks.containers"},
)
