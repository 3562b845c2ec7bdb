"""The catalog: complete, exact, and readable without torch."""

import subprocess
import sys

import pytest
import torch

from lissom.core.errors import LissomError
from lissom.cost import profile
from lissom.zoo import MODELS, build, catalog, entry
from lissom.zoo.catalog import input_shape
from lissom.zoo.inputs import example_inputs

# Parameters and millions of multiply-adds, counted elsewhere with another counter on the named libraries.
COUNTED = {
    "sample": (7_317_224, 1200.43),
    "sample_separable": (1_739_176, 179.83),
    "mobilenet_v1_x1_0": (4_231_976, 568.74),
    "mobilenet_v2": (3_504_872, 300.77),
    "mobilenet_v3_small": (2_542_856, 56.51),
    "mobilenet_v3_large": (5_483_032, 216.59),
    "mobilenetv4_conv_small": (3_774_024, 186.01),
    "mobilenetv4_conv_medium": (9_715_512, 1080.24),
    "mobilenetv4_conv_large": (32_590_864, 6376.22),
    "mobilenetv4_hybrid_medium": (11_074_648, 1229.24),
    "mobilenetv4_hybrid_large": (37_764_624, 7372.14),
    "shufflenet_v1_g1_x1_0": (1_531_936, 143.08),
    "shufflenet_v1_g2_x1_0": (1_733_848, 140.84),
    "shufflenet_v1_g3_x1_0": (1_865_728, 137.46),
    "shufflenet_v1_g4_x1_0": (1_968_344, 134.34),
    "shufflenet_v1_g8_x1_0": (2_434_768, 138.37),
    "shufflenet_v2_x0_5": (1_366_792, 40.48),
    "shufflenet_v2_x1_0": (2_278_604, 144.91),
    "shufflenet_v2_x1_5": (3_503_624, 295.76),
    "shufflenet_v2_x2_0": (7_393_996, 583.25),
    "squeezenet1_0": (1_248_424, 818.92),
    "squeezenet1_1": (1_235_496, 349.15),
    "squeezenet1_0_simple_bypass": (1_248_424, 818.92),
    "squeezenet1_0_complex_bypass": (1_589_672, 1165.30),
    "efficientnet_b0": (5_288_548, 385.81),
    "efficientnet_b1": (7_794_184, 686.80),
    "efficientnet_b2": (9_109_994, 993.56),
    "efficientnet_b3": (12_233_232, 1827.14),
    "efficientnet_b4": (19_341_616, 4393.77),
    "efficientnet_b5": (30_389_784, 10266.38),
    "efficientnet_b6": (43_040_704, 19067.59),
    "efficientnet_b7": (66_347_960, 37745.88),
    "efficientnet_lite0": (4_652_008, 385.19),
    "efficientnet_lite1": (5_416_680, 600.19),
    "efficientnet_lite2": (6_092_072, 859.74),
    "efficientnet_lite3": (8_197_096, 1607.55),
    "efficientnet_lite4": (13_006_568, 3943.56),
    "ds_cnn_s": (23_180, 2.66),
    "ds_cnn_m": (136_580, 9.82),
    "ds_cnn_l": (413_736, 28.33),
    "bc_resnet_1": (9_232, 2.48),
    "bc_resnet_8": (321_068, 85.92),
    "tsm_mobilenet_v2": (2_736_272, 2400.05),
}
# The same for encoders of text at 128 tokens, with attention in the multiply-adds.
COUNTED_TEXT = {
    "bert_base": (109_482_240, 11.17),
    "distilbert": (66_362_880, 5.587),
    "tinybert_4l_312": (14_350_248, 0.624),
    "tinybert_6l_768": (66_955_008, 5.587),
    "minilm_l12_h384": (33_360_000, 2.869),
    "minilm_l6_h384": (22_713_216, 1.435),
    "bert_tiny": (4_385_920, 0.059),
    "bert_mini": (11_170_560, 0.436),
    "bert_small": (28_763_648, 1.678),
    "bert_medium": (41_373_184, 3.356),
}
# Built and counted anew in every run of the tests; the others when all tests are asked for.
FAST = {
    "sample",
    "sample_separable",
    "mobilenet_v1_x1_0",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "mobilenet_v3_small_32px",
    "mobilenetv4_conv_small",
    "shufflenet_v1_g8_x0_5",
    "shufflenet_v2_x0_5",
    "squeezenet1_0_complex_bypass",
    "efficientnet_lite0",
    "resnet20",
    "bert_tiny",
    "tinybert_4l_312",
    "ds_cnn_s",
    "bc_resnet_1",
}


@pytest.mark.parametrize("name", COUNTED)
def test_counts_are_exact(name: str) -> None:
    known = entry(name)
    assert (known.parameters, round(known.macs / 1e6, 2)) == COUNTED[name]


@pytest.mark.parametrize("name", COUNTED_TEXT)
def test_counts_of_text_encoders_are_exact(name: str) -> None:
    known = entry(name)
    parameters, billions = COUNTED_TEXT[name]
    assert known.parameters == parameters
    assert (known.macs + known.attention_macs) / 1e9 == pytest.approx(billions, rel=0.005)
    assert known.attention_macs > 0


@pytest.mark.parametrize(
    "name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in MODELS]
)
def test_the_counts_file_is_what_a_build_gives(name: str) -> None:
    known = entry(name)
    with torch.device("meta"):
        result = profile(build(name), example_inputs(name))
    assert result.parameters == known.parameters
    assert result.macs == known.macs
    assert result.attention_macs == known.attention_macs
    assert result.size_bytes == known.size_bytes
    assert result.uncounted == ()
    if name not in COUNTED_TEXT:  # without a device, attention keeps its weights, which fused kernels do not
        assert result.peak_memory_bytes == pytest.approx(known.peak_memory_bytes, rel=0.01)


@pytest.mark.parametrize(
    ("name", "shape", "millions"),
    [
        ("mobilenetv4_conv_small", (1, 3, 256, 256), 242.18),
        ("squeezenet1_1", (1, 3, 227, 227), 387.75),
        pytest.param("squeezenet1_0", (1, 3, 227, 227), 832.67, marks=pytest.mark.slow),
        pytest.param("mobilenetv4_conv_medium", (1, 3, 224, 224), 827.65, marks=pytest.mark.slow),
        pytest.param("mobilenetv4_hybrid_medium", (1, 3, 224, 224), 941.73, marks=pytest.mark.slow),
        pytest.param("mobilenetv4_conv_large", (1, 3, 256, 256), 2835.27, marks=pytest.mark.slow),
        pytest.param("efficientnet_lite4", (1, 3, 300, 300), 2553.03, marks=pytest.mark.slow),
    ],
)
def test_counts_at_other_inputs(name: str, shape: tuple[int, ...], millions: float) -> None:
    with torch.device("meta"):
        result = profile(build(name), (torch.zeros(shape),))
    assert round(result.macs / 1e6, 2) == millions


def test_catalog_and_table_have_the_same_names() -> None:
    assert sorted(one.name for one in catalog()) == sorted(MODELS)


def test_names_that_a_person_can_guess() -> None:
    for name in ("mobilenet_v1_x1_0", "shufflenet_v1_g3_x1_0", "distilbert", "resnet56"):
        assert name in MODELS


@pytest.mark.parametrize("name", ["mobilenet_v2", "shufflenet_v2_x1_0", "efficientnet_b3", "resnet18"])
def test_published_figures_of_torchvision_are_those_of_its_metadata(name: str) -> None:
    from torchvision.models import get_model_weights

    meta = get_model_weights(name)["IMAGENET1K_V1"].meta
    published = entry(name).published
    assert published is not None
    assert published.score == round(meta["_metrics"]["ImageNet-1K"]["acc@1"], 2)
    assert published.parameters == f"{meta['num_params']:,}"
    assert float(published.macs.removesuffix(" G")) == meta["_ops"]


def test_every_score_has_a_source() -> None:
    for one in catalog():
        if one.published is not None:
            assert one.published.source
            assert one.published.measure


def test_providers_and_inputs() -> None:
    assert (entry("mobilenet_v2").provider, entry("mobilenet_v2").input) == ("torchvision", (1, 3, 224, 224))
    assert (entry("efficientnet_b7").input, entry("resnet20").input) == ((1, 3, 600, 600), (1, 3, 32, 32))
    assert (entry("distilbert").provider, entry("distilbert").input) == ("transformers", (1, 128))
    assert (entry("ds_cnn_s").input, entry("bc_resnet_1").input) == ((1, 1, 10, 49), (1, 1, 40, 101))
    assert input_shape("mobilenet_v2_28px") == (1, 3, 28, 28)


def test_an_unknown_name_names_close_ones() -> None:
    with pytest.raises(LissomError, match="did you mean mobilenet_v2"):
        entry("mobilenetv2")


def test_listing_needs_no_torch() -> None:
    code = "import sys, lissom.zoo; lissom.zoo.catalog(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
