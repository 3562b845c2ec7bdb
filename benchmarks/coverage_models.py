"""The models of the coverage benchmark, with random weights: the lists that Torch-Pruning was measured on."""

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

TIMM = [
    "mobilenetv1_100",
    "mobilenetv3_small_050",
    "mobilenetv4_conv_small",
    "efficientnet_lite0",
    "ghostnet_100",
    "mobileone_s0",
    "repvgg_a0",
    "fastvit_t8",
    "mobilevit_xxs",
    "efficientformer_l1",
    "levit_128",
    "edgenext_xx_small",
    "convnext_atto",
    "tiny_vit_5m_224",
    "swin_tiny_patch4_window7_224",
    "deit_tiny_patch16_224",
    "mixer_s32_224",
    "poolformer_s12",
    "regnetx_002",
    "hrnet_w18_small",
    "densenet121",
    "dla34",
    "ese_vovnet19b_dw",
    "xception41",
    "inception_v3",
    "dm_nfnet_f0",
    "res2net50_26w_4s",
    "resnest14d",
    "skresnet18",
    "selecsls42",
]
TIMM_MORE = [
    "mobilenetv2_100",
    "mobilenetv4_hybrid_medium",
    "efficientnet_b0",
    "ghostnetv2_100",
    "mobilevitv2_050",
    "efficientformerv2_s0",
    "efficientvit_b0",
    "efficientvit_m0",
    "convnextv2_atto",
    "vit_tiny_patch16_224",
    "beit_base_patch16_224",
    "cait_xxs24_224",
    "pvt_v2_b0",
    "gmlp_ti16_224",
    "caformer_s18",
    "convmixer_768_32",
    "regnety_002",
    "inception_v4",
    "inception_resnet_v2",
    "eca_nfnet_l0",
    "seresnet18",
    "ecaresnet26t",
    "cspresnet50",
    "cspdarknet53",
    "dpn48b",
    "mnasnet_small",
    "tinynet_e",
    "lcnet_050",
    "hardcorenas_a",
    "rexnet_100",
    "gernet_s",
    "repghostnet_050",
    "repvit_m0_9",
    "starnet_s1",
    "inception_next_atto",
    "nextvit_small",
    "coat_tiny",
    "crossvit_tiny_240",
    "maxvit_rmlp_nano_rw_256",
    "vgg11_bn",
    "resnet18",
    "resnet50",
    "wide_resnet50_2",
    "resnext50_32x4d",
    "halonet26t",
    "botnet26t_256",
    "twins_svt_small",
    "xcit_nano_12_p16_224",
    "visformer_tiny",
    "convit_tiny",
    "davit_tiny",
    "focalnet_tiny_srf",
    "sequencer2d_s",
    "pit_ti_224",
    "hgnet_tiny",
    "hgnetv2_b0",
    "test_vit",
    "test_resnet",
    "mambaout_femto",
    "shvit_s1",
    "swiftformer_xs",
]
HF = [
    "distilbert",
    "bert",
    "tinybert",
    "albert",
    "roberta",
    "electra",
    "marian",
    "t5",
    "bart",
    "whisper",
    "wav2vec2",
    "vit",
    "swin",
    "clip",
    "deit",
    "convnext",
    "mobilevit",
    "segformer",
    "detr_like",
    "gpt2",
    "llama",
    "qwen2",
]

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
    """One small member of every architecture family of timm, as ``timm:name``."""
    import timm

    smallest: list[str] = []
    for family in timm.list_modules():
        members = timm.list_models(module=family)
        if members:
            smallest.append("timm:" + min(members, key=_rough_size))
    return smallest


def _rough_size(name: str) -> tuple[int, int, str]:
    """Small models have telling names."""
    words = (
        "test",
        "femto",
        "atto",
        "pico",
        "nano",
        "xxs",
        "xx_small",
        "xs",
        "tiny",
        "_t",
        "small",
        "_s",
        "050",
        "18",
        "b0",
    )
    ranks = [i for i, word in enumerate(words) if word in name]
    return (ranks[0] if ranks else len(words), len(name), name)


def build(spec: str) -> Case:
    """The model called ``set:name`` with example inputs."""
    kind, name = spec.split(":")
    torch.manual_seed(0)
    if kind == "timm":
        import timm

        model = timm.create_model(name, pretrained=False)
        return model, (torch.randn(1, *model.default_cfg["input_size"]),), {}
    if kind == "hf":
        return _transformer(name)
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


def _transformer(name: str) -> Case:
    transformers = importlib.import_module("transformers")
    ids, image = torch.randint(5, 900, (1, 16)), torch.randn(1, 3, 224, 224)
    small = {
        "num_labels": 7,
        "num_hidden_layers": 4,
        "hidden_size": 384,
        "num_attention_heads": 6,
        "intermediate_size": 1536,
    }
    seq2seq = {"vocab_size": 1000, "d_model": 512, "encoder_layers": 3, "decoder_layers": 3, "encoder_attention_heads": 8,
               "decoder_attention_heads": 8, "encoder_ffn_dim": 2048, "decoder_ffn_dim": 2048, "use_cache": False}  # fmt: skip
    decoder = {"vocab_size": 1000, "hidden_size": 512, "num_hidden_layers": 4, "num_attention_heads": 8,
               "intermediate_size": 1376, "use_cache": False}  # fmt: skip
    text, both, picture = {"input_ids": ids}, {"input_ids": ids, "decoder_input_ids": ids}, {"pixel_values": image}
    whisper = {**seq2seq, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 3,
               "begin_suppress_tokens": None, "d_model": 384, "encoder_layers": 4, "decoder_layers": 4,
               "encoder_attention_heads": 6, "decoder_attention_heads": 6, "encoder_ffn_dim": 1536,
               "decoder_ffn_dim": 1536}  # fmt: skip
    table: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
        "bert": ("BertForSequenceClassification", "BertConfig", {"vocab_size": 1000, "num_labels": 7}, text),
        "tinybert": ("BertForSequenceClassification", "BertConfig", {
            "vocab_size": 1000, "num_labels": 7, "num_hidden_layers": 4, "hidden_size": 312, "intermediate_size": 1200}, text),
        "distilbert": ("DistilBertForSequenceClassification", "DistilBertConfig", {"vocab_size": 1000, "num_labels": 7}, text),
        "albert": ("AlbertForSequenceClassification", "AlbertConfig", {
            "vocab_size": 1000, "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072, "num_labels": 7}, text),
        "roberta": ("RobertaForSequenceClassification", "RobertaConfig", {"vocab_size": 1000, "num_labels": 7}, text),
        "electra": ("ElectraForSequenceClassification", "ElectraConfig", {"vocab_size": 1000, "num_labels": 7}, text),
        "marian": ("MarianMTModel", "MarianConfig", {**seq2seq, "pad_token_id": 0}, both),
        "bart": ("BartForConditionalGeneration", "BartConfig", seq2seq, both),
        "t5": ("T5ForConditionalGeneration", "T5Config", {"vocab_size": 1000, "use_cache": False}, both),
        "whisper": ("WhisperForConditionalGeneration", "WhisperConfig", whisper,
                    {"input_features": torch.randn(1, 80, 3000), "decoder_input_ids": ids}),
        "wav2vec2": ("Wav2Vec2ForCTC", "Wav2Vec2Config", {"vocab_size": 32, "num_hidden_layers": 4, "hidden_size": 384,
                     "num_attention_heads": 6, "intermediate_size": 1536}, {"input_values": torch.randn(1, 16000)}),
        "vit": ("ViTForImageClassification", "ViTConfig", small, picture),
        "deit": ("DeiTForImageClassification", "DeiTConfig", small, picture),
        "swin": ("SwinForImageClassification", "SwinConfig", {"num_labels": 7}, picture),
        "convnext": ("ConvNextForImageClassification", "ConvNextConfig", {"num_labels": 7}, picture),
        "mobilevit": ("MobileViTForImageClassification", "MobileViTConfig", {"num_labels": 7},
                      {"pixel_values": torch.randn(1, 3, 256, 256)}),
        "segformer": ("SegformerForSemanticSegmentation", "SegformerConfig", {"num_labels": 7},
                      {"pixel_values": torch.randn(1, 3, 128, 128)}),
        "detr_like": ("YolosForObjectDetection", "YolosConfig", {"num_hidden_layers": 3, "hidden_size": 192,
                      "num_attention_heads": 3, "intermediate_size": 768, "image_size": [224, 224],
                      "num_detection_tokens": 10}, picture),
        "gpt2": ("GPT2LMHeadModel", "GPT2Config", {"vocab_size": 1000, "n_layer": 4, "use_cache": False}, text),
        "llama": ("LlamaForCausalLM", "LlamaConfig", {**decoder, "num_key_value_heads": 8}, text),
        "qwen2": ("Qwen2ForCausalLM", "Qwen2Config", {**decoder, "num_key_value_heads": 2}, text),
    }  # fmt: skip
    if name == "clip":
        return _clip(transformers, {**text, **picture})
    model_class, config_class, options, inputs = table[name]
    config = getattr(transformers, config_class)(**options)
    config._attn_implementation = "eager"
    return _tensors_only(getattr(transformers, model_class)(config)), (), inputs


def _clip(transformers: Any, inputs: dict[str, Any]) -> Case:
    config = transformers.CLIPConfig()
    config.text_config.vocab_size, config.text_config.eos_token_id = 1000, 2
    config.text_config.num_hidden_layers = config.vision_config.num_hidden_layers = 3
    config._attn_implementation = "eager"
    return transformers.CLIPModel(config), (), inputs


def _tensors_only(model: nn.Module) -> nn.Module:
    return model


Build = Callable[[str], Case]
