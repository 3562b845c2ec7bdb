"""The models of the coverage benchmark, with random weights: the lists that Torch-Pruning was measured on."""

from typing import Any

import torch
from torch import nn

TIMM = """
mobilenetv1_100 mobilenetv3_small_050 mobilenetv4_conv_small efficientnet_lite0 ghostnet_100 mobileone_s0 repvgg_a0
fastvit_t8 mobilevit_xxs efficientformer_l1 levit_128 edgenext_xx_small convnext_atto tiny_vit_5m_224
swin_tiny_patch4_window7_224 deit_tiny_patch16_224 mixer_s32_224 poolformer_s12 regnetx_002 hrnet_w18_small densenet121
dla34 ese_vovnet19b_dw xception41 inception_v3 dm_nfnet_f0 res2net50_26w_4s resnest14d skresnet18 selecsls42
""".split()
TIMM_MORE = """
mobilenetv2_100 mobilenetv4_hybrid_medium efficientnet_b0 ghostnetv2_100 mobilevitv2_050 efficientformerv2_s0
efficientvit_b0 efficientvit_m0 convnextv2_atto vit_tiny_patch16_224 beit_base_patch16_224 cait_xxs24_224 pvt_v2_b0
gmlp_ti16_224 caformer_s18 convmixer_768_32 regnety_002 inception_v4 inception_resnet_v2 eca_nfnet_l0 seresnet18
ecaresnet26t cspresnet50 cspdarknet53 dpn48b mnasnet_small tinynet_e lcnet_050 hardcorenas_a rexnet_100 gernet_s
repghostnet_050 repvit_m0_9 starnet_s1 inception_next_atto nextvit_small coat_tiny crossvit_tiny_240
maxvit_rmlp_nano_rw_256 vgg11_bn resnet18 resnet50 wide_resnet50_2 resnext50_32x4d halonet26t botnet26t_256
twins_svt_small xcit_nano_12_p16_224 visformer_tiny convit_tiny davit_tiny focalnet_tiny_srf sequencer2d_s pit_ti_224
hgnet_tiny hgnetv2_b0 test_vit test_resnet mambaout_femto shvit_s1 swiftformer_xs
""".split()
HF = """
distilbert bert tinybert albert roberta electra marian t5 bart whisper wav2vec2 vit swin clip deit convnext mobilevit
segformer detr_like gpt2 llama qwen2
""".split()
CLASSES = {"tv": 1000, "timm": 1000, "family": 1000, "tvseg": 21, "tvvid": 400, "tvdet": -1}
# How the layers are called that make the outputs, where their width does not tell.
CONVOLUTIONAL_HEADS = ("classifier", "fc", "head", "1", "4", "high_classifier", "low_classifier", "conv_head", "0")
DETECTION_HEADS = ("cls_logits", "bbox_pred", "bbox_reg", "bbox_ctrness", "cls_score", "mask_fcn_logits",
                   "kps_score_lowres")  # fmt: skip
# Words by which the names of small models can be told, the smallest first.
SMALL = ("femto", "atto", "pico", "nano", "xxs", "xx_small", "xs", "tiny", "_t", "small", "_s", "050", "18", "b0")

Case = tuple[nn.Module, tuple[Any, ...], dict[str, Any]]


def names() -> list[str]:
    """All models, as ``set:name``."""
    from torchvision import models

    listed = models.list_models
    return [
        *(f"tv:{n}" for n in listed(module=models)),
        *(f"tvseg:{n}" for n in listed(module=models.segmentation)),
        *(f"tvvid:{n}" for n in listed(module=models.video)),
        *(f"timm:{n}" for n in TIMM),
        *(f"hf:{n}" for n in HF),
        *(f"tvdet:{n}" for n in listed(module=models.detection)),
        *(f"timm:{n}" for n in TIMM_MORE),
    ]


def families() -> list[str]:
    """One small member of every architecture family of timm, as ``family:name``."""
    import timm

    members = [timm.list_models(module=family) for family in timm.list_modules()]
    return ["family:" + min(found, key=_rough_size) for found in members if found]


def _rough_size(name: str) -> tuple[bool, int, int, str]:
    ranks = [i for i, word in enumerate(SMALL) if word in name]
    return name.startswith("test_"), ranks[0] if ranks else len(SMALL), len(name), name


def build(spec: str) -> Case:
    """The model called ``set:name`` with example inputs."""
    kind, name = spec.split(":")
    torch.manual_seed(0)
    if kind in ("timm", "family"):
        import timm

        model = timm.create_model(name, pretrained=False)
        return model, (torch.randn(1, *model.default_cfg["input_size"]),), {}
    if kind == "hf":
        from coverage_transformers import transformer

        return transformer(name)
    return _torchvision(kind, name)


def _torchvision(kind: str, name: str) -> Case:
    from torchvision import models

    options: dict[str, Any] = {"weights": None}
    if name in ("googlenet", "inception_v3"):
        options.update(aux_logits=False, init_weights=False)
    if kind in ("tvseg", "tvdet"):
        options["weights_backbone"] = None
    model = models.get_model(name, **options)
    if kind == "tvdet":
        return model, ([torch.rand(3, 320, 320)],), {}
    if kind == "tvvid":
        size = 224 if name.startswith(("mvit", "s3d")) else 112
        return model, (torch.randn(1, 3, 16, size, size),), {}
    size = 299 if name == "inception_v3" else 224
    return model, (torch.randn(1, 3, size, size),), {}


def output_layers(spec: str, model: nn.Module) -> list[nn.Module]:
    """The layers that make the outputs: what has to be named for a tool that does not see it by itself."""
    kind, name = spec.split(":")
    if kind == "hf":
        from coverage_transformers import OUTPUTS

        return [model.get_submodule(path) for path in OUTPUTS.get(name, ("model.classifier",))]
    if kind == "tvdet" and "ssd" in name:
        return [model.get_submodule("head")]
    return [module for path, module in model.named_modules() if _makes_output(kind, path, module)]


def _makes_output(kind: str, path: str, module: nn.Module) -> bool:
    leaf = path.rpartition(".")[2]
    if isinstance(module, nn.Linear):
        return module.out_features == CLASSES[kind] or (kind == "tvdet" and leaf in DETECTION_HEADS)
    if isinstance(module, (nn.Conv2d, nn.Conv3d)):
        return (module.out_channels == CLASSES[kind] and leaf in CONVOLUTIONAL_HEADS) or (
            kind == "tvdet" and leaf in DETECTION_HEADS
        )
    return False
