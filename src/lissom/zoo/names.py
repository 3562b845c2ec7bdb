"""The names of all models of the zoo by where they come from. Plain words: reading them needs no torch."""

MOBILENET_V1 = ("mobilenet_v1_x0_25", "mobilenet_v1_x0_5", "mobilenet_v1_x0_75", "mobilenet_v1_x1_0")
SHUFFLENET_V1_GROUPS = (1, 2, 3, 4, 8)
SHUFFLENET_V1_WIDTHS = (0.5, 1.0, 1.5, 2.0)
TEXT = (
    "bert_base",
    "distilbert",
    "tinybert_4l_312",
    "tinybert_6l_768",
    "minilm_l12_h384",
    "minilm_l6_h384",
    "bert_tiny",
    "bert_mini",
    "bert_small",
    "bert_medium",
)
DS_CNN = ("ds_cnn_s", "ds_cnn_m", "ds_cnn_l")
BC_RESNET = ("bc_resnet_1", "bc_resnet_1_5", "bc_resnet_2", "bc_resnet_3", "bc_resnet_6", "bc_resnet_8")
VIDEO_BACKBONES = ("mobilenet_v2", "squeezenet1_1", "efficientnet_lite0")
VIDEO = (
    *(f"{kind}_{backbone}" for kind in ("tsm", "causal") for backbone in VIDEO_BACKBONES),
    "tsm_rgbdiff_mobilenet_v2",
)
CODEC = ("codec", "codec_small")
SMALL_INPUT_FAMILIES = (
    "mobilenet_v1_x1_0",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "mobilenetv4_conv_small",
    "shufflenet_v1_g3_x1_0",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
    "squeezenet1_1",
    "efficientnet_b0",
    "tf_efficientnet_lite0",
)
SMALL_INPUT_PIXELS = (28, 32, 64)
TORCHVISION = (
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    *(f"shufflenet_v2_x{width}" for width in ("0_5", "1_0", "1_5", "2_0")),
    "squeezenet1_0",
    "squeezenet1_1",
    *(f"efficientnet_b{size}" for size in range(8)),
    "resnet18",
    "resnet34",
    "resnet50",
)
TIMM = (
    "mobilenetv4_conv_small",
    "mobilenetv4_conv_medium",
    "mobilenetv4_conv_large",
    "mobilenetv4_hybrid_medium",
    "mobilenetv4_hybrid_large",
    *(f"efficientnet_lite{size}" for size in range(5)),
    *(f"tf_efficientnet_lite{size}" for size in range(5)),
)


def shufflenet_v1_name(groups: int, width: float) -> str:
    """``shufflenet_v1_g3_x1_0`` for 3 groups and width 1.0."""
    return f"shufflenet_v1_g{groups}_x{width:.1f}".replace(".", "_")


def small_input_name(family: str, pixels: int) -> str:
    """``mobilenet_v2_32px`` for ``mobilenet_v2`` and 32 pixels."""
    return f"{family}_{pixels}px"


SHUFFLENET_V1 = tuple(
    shufflenet_v1_name(groups, width) for groups in SHUFFLENET_V1_GROUPS for width in SHUFFLENET_V1_WIDTHS
)
SMALL_INPUT = tuple(
    small_input_name(family, pixels) for family in SMALL_INPUT_FAMILIES for pixels in SMALL_INPUT_PIXELS
)
# Our modules and the builders in each.
OURS = {
    "sample": ("sample", "sample_separable"),
    "mobilenet_v1": MOBILENET_V1,
    "shufflenet_v1": SHUFFLENET_V1,
    "squeezenet_bypass": ("squeezenet1_0_simple_bypass", "squeezenet1_0_complex_bypass"),
    "resnet_cifar": ("resnet20", "resnet56"),
    "text": TEXT,
    "ds_cnn": DS_CNN,
    "bc_resnet": BC_RESNET,
    "tsm": VIDEO,
    "codec": CODEC,
    "small_input": SMALL_INPUT,
}


def _starting(*prefixes: str) -> tuple[str, ...]:
    names = [*(name for group in OURS.values() for name in group), *TORCHVISION, *TIMM]
    return tuple(name for name in names if name.startswith(prefixes) and name not in SMALL_INPUT)


FAMILIES = {
    "sample": OURS["sample"],
    "MobileNetV1": MOBILENET_V1,
    "MobileNetV2": _starting("mobilenet_v2"),
    "MobileNetV3": _starting("mobilenet_v3"),
    "MobileNetV4": _starting("mobilenetv4"),
    "ShuffleNetV1": SHUFFLENET_V1,
    "ShuffleNetV2": _starting("shufflenet_v2"),
    "SqueezeNet": _starting("squeezenet"),
    "EfficientNet": _starting("efficientnet_b"),
    "EfficientNet-Lite": _starting("efficientnet_lite", "tf_efficientnet_lite"),
    "ResNet": _starting("resnet18", "resnet34", "resnet50"),
    "ResNet for CIFAR": OURS["resnet_cifar"],
    "BERT": TEXT,
    "DS-CNN": DS_CNN,
    "BC-ResNet": BC_RESNET,
    "video": VIDEO,
    "video compression": CODEC,
    "small input": SMALL_INPUT,
}
