"""The task image, as the table of tasks has it."""

from lissom.tasks.kind import Kind, Option, numbers

KIND = Kind(
    examples="pictures",
    input="PICTURE",
    loader="lissom.tasks.image.loading:load_image_workload",
    handling="lissom.tasks.image",
    settings="lissom.tasks.image.options:ImageOptions",
    requirements=("numpy", "Pillow"),
    options=(
        Option("size", int, "Side of the input in pixels."),
        Option("resize", int, "Shorter side before the crop, in pixels."),
        Option("mean", str, "Mean by channel, such as 0.485,0.456,0.406.", numbers),
        Option("std", str, "Deviation by channel.", numbers),
        Option("interpolation", str, "Of the resizing: bilinear, bicubic, ..."),
        Option("channels", str, "RGB, or L for a model of one channel."),
    ),
)
