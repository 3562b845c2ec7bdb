"""What others published of these models: score, parameters and multiply-adds, each row with its source.

``checked`` is false where a paper's figure was taken from memory or from a second source and not looked up.
"""

from dataclasses import dataclass

_SLIM = "tensorflow/models, research/slim/nets/mobilenet_v1.md"
_MEGVII = "megvii-model/ShuffleNet-Series, ShuffleNetV1/README.md"
_LITE = "tensorflow/tpu, models/official/efficientnet/lite/README.md"
_SHUFFLE = "Zhang et al. 2018, tables 1 and 2"
_HELLO = "Zhang et al. 2017, tables 2 and 4; an operation is a multiplication or an addition"
_BROADCAST = "Kim et al. 2021, table 1"
_MINILM = "microsoft/unilm, minilm/README.md"


@dataclass(frozen=True)
class Published:
    """One published score.

    Args:
        score: in percent, higher is better; None where only counts were published.
        measure: what the score is of.
        parameters: as printed by the source; empty where it does not say.
        macs: multiply-adds as printed by the source.
        source: where the figures stand.
        checked: whether they were read there.
    """

    score: float | None
    measure: str
    parameters: str
    macs: str
    source: str
    checked: bool = True


def _imagenet(score: float, parameters: str, macs: str, source: str, *, checked: bool = True) -> Published:
    return Published(score, "ImageNet top-1", parameters, macs, source, checked)


def _torchvision(score: float, parameters: int, macs: str) -> Published:
    source = "torchvision 0.29 metadata, IMAGENET1K_V1"
    return _imagenet(score, f"{parameters:,}", macs, source)


def _timm(score: float, parameters: str, macs: str, tag: str) -> Published:
    source = f"timm 1.0.31 results-imagenet.csv ({tag}); counts: Qin et al. 2024, not looked up"
    return _imagenet(score, parameters, macs, source)


def _glue(score: float | None, measure: str, source: str, *, checked: bool = True) -> Published:
    return Published(score, measure, "", "", source, checked)


def _commands(score: float | None, parameters: str, macs: str, source: str = _HELLO) -> Published:
    return Published(score, "Speech Commands v1, 12 classes", parameters, macs, source, checked=False)


PUBLISHED = {
    "mobilenet_v1_x0_25": _imagenet(49.8, "0.47 M", "41 M", _SLIM),
    "mobilenet_v1_x0_5": _imagenet(63.3, "1.34 M", "150 M", _SLIM),
    "mobilenet_v1_x0_75": _imagenet(68.4, "2.59 M", "317 M", _SLIM),
    "mobilenet_v1_x1_0": _imagenet(70.9, "4.24 M", "569 M", _SLIM),
    "mobilenet_v2": _torchvision(71.88, 3504872, "0.301 G"),
    "mobilenet_v3_small": _torchvision(67.67, 2542856, "0.057 G"),
    "mobilenet_v3_large": _torchvision(74.04, 5483032, "0.217 G"),
    "mobilenetv4_conv_small": _timm(73.76, "3.8 M", "0.2 G", "e2400_r224"),
    "mobilenetv4_conv_medium": _timm(79.92, "9.2 M", "1.0 G", "e500_r256"),
    "mobilenetv4_conv_large": _timm(82.97, "31 M", "5.9 G", "e600_r384"),
    "mobilenetv4_hybrid_medium": _timm(81.48, "10.5 M", "1.2 G", "ix_e550_r256"),
    "mobilenetv4_hybrid_large": _timm(83.83, "35.9 M", "7.2 G", "e600_r384"),
    "shufflenet_v1_g1_x1_0": _imagenet(66.4, "", "143 M", _SHUFFLE, checked=False),
    "shufflenet_v1_g2_x1_0": _imagenet(67.3, "", "140 M", _SHUFFLE, checked=False),
    "shufflenet_v1_g3_x0_5": _imagenet(57.3, "0.7 M", "38 M", _MEGVII),
    "shufflenet_v1_g3_x1_0": _imagenet(67.8, "1.9 M", "138 M", _MEGVII),
    "shufflenet_v1_g3_x1_5": _imagenet(71.6, "3.4 M", "292 M", _MEGVII),
    "shufflenet_v1_g3_x2_0": _imagenet(74.1, "5.4 M", "524 M", _MEGVII),
    "shufflenet_v1_g4_x1_0": _imagenet(67.2, "", "133 M", _SHUFFLE, checked=False),
    "shufflenet_v1_g8_x0_5": _imagenet(58.8, "1.0 M", "40 M", _MEGVII),
    "shufflenet_v1_g8_x1_0": _imagenet(68.0, "2.4 M", "138 M", _MEGVII),
    "shufflenet_v1_g8_x1_5": _imagenet(71.0, "4.3 M", "290 M", _MEGVII),
    "shufflenet_v1_g8_x2_0": _imagenet(72.9, "6.5 M", "522 M", _MEGVII),
    "shufflenet_v2_x0_5": _torchvision(60.55, 1366792, "0.04 G"),
    "shufflenet_v2_x1_0": _torchvision(69.36, 2278604, "0.145 G"),
    "shufflenet_v2_x1_5": _torchvision(73.0, 3503624, "0.296 G"),
    "shufflenet_v2_x2_0": _torchvision(76.23, 7393996, "0.583 G"),
    "squeezenet1_0": _torchvision(58.09, 1248424, "0.819 G"),
    "squeezenet1_1": _torchvision(58.18, 1235496, "0.349 G"),
    "squeezenet1_0_simple_bypass": _imagenet(
        60.4, "", "", "Iandola et al. 2016, as cited by sotaverified", checked=False
    ),
    "squeezenet1_0_complex_bypass": _imagenet(58.8, "", "", "Iandola et al. 2016, table 3", checked=False),
    "efficientnet_b0": _torchvision(77.69, 5288548, "0.386 G"),
    "efficientnet_b1": _torchvision(78.64, 7794184, "0.687 G"),
    "efficientnet_b2": _torchvision(80.61, 9109994, "1.088 G (at 288)"),
    "efficientnet_b3": _torchvision(82.01, 12233232, "1.827 G"),
    "efficientnet_b4": _torchvision(83.38, 19341616, "4.394 G"),
    "efficientnet_b5": _torchvision(83.44, 30389784, "10.266 G"),
    "efficientnet_b6": _torchvision(84.01, 43040704, "19.068 G"),
    "efficientnet_b7": _torchvision(84.12, 66347960, "37.746 G"),
    "efficientnet_lite0": _imagenet(75.1, "4.7 M", "407 M", _LITE),
    "efficientnet_lite1": _imagenet(76.7, "5.4 M", "631 M", _LITE),
    "efficientnet_lite2": _imagenet(77.6, "6.1 M", "899 M", _LITE),
    "efficientnet_lite3": _imagenet(79.8, "8.2 M", "1.44 G (at 280)", _LITE),
    "efficientnet_lite4": _imagenet(81.5, "13.0 M", "2.64 G (at 300)", _LITE),
    "resnet18": _torchvision(69.76, 11689512, "1.814 G"),
    "resnet34": _torchvision(73.31, 21797672, "3.664 G"),
    "resnet50": _torchvision(76.13, 25557032, "4.089 G"),
    "resnet20": Published(91.25, "CIFAR-10 top-1", "0.27 M", "", "He et al. 2016, table 6 (option A)", checked=False),
    "resnet56": Published(93.03, "CIFAR-10 top-1", "0.85 M", "", "He et al. 2016, table 6 (option A)", checked=False),
    "bert_base": _glue(79.5, "GLUE dev macro", "huggingface/transformers, distillation/README.md"),
    "distilbert": _glue(77.0, "GLUE dev macro", "huggingface/transformers, distillation/README.md"),
    "tinybert_4l_312": Published(
        77.0, "GLUE test average", "14.5 M", "1.2 GFLOPs", "Jiao et al. 2020, table 1", checked=False
    ),
    "tinybert_6l_768": Published(
        79.4, "GLUE test average", "67.0 M", "11.3 GFLOPs", "Jiao et al. 2020, table 1", checked=False
    ),
    "minilm_l12_h384": _glue(85.7, "MNLI-m dev", _MINILM),
    "minilm_l6_h384": _glue(83.3, "MNLI-m dev", _MINILM),
    "ds_cnn_s": _commands(94.4, "", "5.4 MOps"),
    "ds_cnn_m": _commands(94.9, "", "19.8 MOps"),
    "ds_cnn_l": _commands(95.4, "", "56.9 MOps"),
    "bc_resnet_1": _commands(96.6, "9.2 k", "", _BROADCAST),
    "bc_resnet_2": _commands(None, "27.3 k", "", _BROADCAST),
    "bc_resnet_3": _commands(None, "54.2 k", "", _BROADCAST),
    "bc_resnet_6": _commands(None, "188 k", "", _BROADCAST),
    "bc_resnet_8": _commands(98.0, "321 k", "", _BROADCAST),
}
# TensorFlow's padding changes no count; the scores are those of the TensorFlow networks.
PUBLISHED |= {f"tf_efficientnet_lite{size}": PUBLISHED[f"efficientnet_lite{size}"] for size in range(5)}
