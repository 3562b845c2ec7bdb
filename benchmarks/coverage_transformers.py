"""The transformers of the coverage benchmark: random weights, some of them with fewer layers than published."""

import importlib
from typing import Any

import torch
from torch import nn

CLASSES = {"num_labels": 7}
VOCABULARY = {"vocab_size": 1000}
SMALL = {**CLASSES, "num_hidden_layers": 4, "hidden_size": 384, "num_attention_heads": 6, "intermediate_size": 1536}
DECODER = {**VOCABULARY, "hidden_size": 512, "num_hidden_layers": 4, "num_attention_heads": 8,
           "intermediate_size": 1376, "use_cache": False}  # fmt: skip
SEQUENCES = {**VOCABULARY, "d_model": 512, "encoder_layers": 3, "decoder_layers": 3, "encoder_attention_heads": 8,
             "decoder_attention_heads": 8, "encoder_ffn_dim": 2048, "decoder_ffn_dim": 2048,
             "use_cache": False}  # fmt: skip
SPEECH = {**SEQUENCES, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 3,
          "begin_suppress_tokens": None, "d_model": 384, "encoder_layers": 4, "decoder_layers": 4,
          "encoder_attention_heads": 6, "decoder_attention_heads": 6, "encoder_ffn_dim": 1536,
          "decoder_ffn_dim": 1536}  # fmt: skip
# name -> model class, configuration class, its options, inputs
MODELS: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "bert": ("BertForSequenceClassification", "BertConfig", {**VOCABULARY, **CLASSES}, "text"),
    "tinybert": ("BertForSequenceClassification", "BertConfig",
                 {**VOCABULARY, **CLASSES, "num_hidden_layers": 4, "hidden_size": 312, "intermediate_size": 1200}, "text"),
    "distilbert": ("DistilBertForSequenceClassification", "DistilBertConfig", {**VOCABULARY, **CLASSES}, "text"),
    "albert": ("AlbertForSequenceClassification", "AlbertConfig",
               {**VOCABULARY, **CLASSES, "hidden_size": 768, "num_attention_heads": 12, "intermediate_size": 3072}, "text"),
    "roberta": ("RobertaForSequenceClassification", "RobertaConfig", {**VOCABULARY, **CLASSES}, "text"),
    "electra": ("ElectraForSequenceClassification", "ElectraConfig", {**VOCABULARY, **CLASSES}, "text"),
    "marian": ("MarianMTModel", "MarianConfig", {**SEQUENCES, "pad_token_id": 0}, "text to text"),
    "bart": ("BartForConditionalGeneration", "BartConfig", SEQUENCES, "text to text"),
    "t5": ("T5ForConditionalGeneration", "T5Config", {**VOCABULARY, "use_cache": False}, "text to text"),
    "whisper": ("WhisperForConditionalGeneration", "WhisperConfig", SPEECH, "speech to text"),
    "wav2vec2": ("Wav2Vec2ForCTC", "Wav2Vec2Config",
                 {"vocab_size": 32, "num_hidden_layers": 4, "hidden_size": 384, "num_attention_heads": 6,
                  "intermediate_size": 1536}, "speech"),
    "vit": ("ViTForImageClassification", "ViTConfig", SMALL, "picture"),
    "deit": ("DeiTForImageClassification", "DeiTConfig", SMALL, "picture"),
    "swin": ("SwinForImageClassification", "SwinConfig", CLASSES, "picture"),
    "convnext": ("ConvNextForImageClassification", "ConvNextConfig", CLASSES, "picture"),
    "mobilevit": ("MobileViTForImageClassification", "MobileViTConfig", CLASSES, "large picture"),
    "segformer": ("SegformerForSemanticSegmentation", "SegformerConfig", CLASSES, "small picture"),
    "detr_like": ("YolosForObjectDetection", "YolosConfig",
                  {"num_hidden_layers": 3, "hidden_size": 192, "num_attention_heads": 3, "intermediate_size": 768,
                   "image_size": [224, 224], "num_detection_tokens": 10}, "picture"),
    "gpt2": ("GPT2LMHeadModel", "GPT2Config", {**VOCABULARY, "n_layer": 4, "use_cache": False}, "text"),
    "llama": ("LlamaForCausalLM", "LlamaConfig", {**DECODER, "num_key_value_heads": 8}, "text"),
    "qwen2": ("Qwen2ForCausalLM", "Qwen2Config", {**DECODER, "num_key_value_heads": 2}, "text"),
}  # fmt: skip
OUTPUTS = {
    "roberta": ("model.classifier.out_proj",),
    "electra": ("model.classifier.out_proj",),
    **dict.fromkeys(("marian", "bart", "t5", "wav2vec2", "gpt2", "llama", "qwen2"), ("model.lm_head",)),
    "whisper": ("model.proj_out",),
    "segformer": ("model.decode_head.classifier",),
    "detr_like": ("model.class_labels_classifier.layers.2", "model.bbox_predictor.layers.2"),
    "clip": ("model.text_projection", "model.visual_projection"),
}


class Answers(nn.Module):
    """A transformer that returns its answers alone and keeps its hidden states to itself."""

    def __init__(self, model: nn.Module, answers: tuple[str, ...]) -> None:
        super().__init__()
        self.model, self.answers = model, answers

    def forward(self, **inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        outputs = self.model(**inputs)
        return tuple(outputs[name] for name in self.answers)


def transformer(name: str) -> tuple[nn.Module, tuple[()], dict[str, torch.Tensor]]:
    """The model called ``name`` and its inputs."""
    library = importlib.import_module("transformers")
    if name == "clip":
        return Answers(_clip(library), ("text_embeds", "image_embeds")), (), {**_inputs("text"), **_inputs("picture")}
    model_class, config_class, options, inputs = MODELS[name]
    config = getattr(library, config_class)(**options)
    config._attn_implementation = "eager"
    return Answers(getattr(library, model_class)(config), ("logits",)), (), _inputs(inputs)


def _clip(library: Any) -> nn.Module:
    config = library.CLIPConfig()
    config.text_config.vocab_size, config.text_config.eos_token_id = 1000, 2
    config.text_config.num_hidden_layers = config.vision_config.num_hidden_layers = 3
    config._attn_implementation = "eager"
    return library.CLIPModel(config)


def _inputs(kind: str) -> dict[str, torch.Tensor]:
    ids = torch.randint(5, 900, (1, 16))
    pictures = {"picture": 224, "large picture": 256, "small picture": 128}
    if kind in pictures:
        return {"pixel_values": torch.randn(1, 3, pictures[kind], pictures[kind])}
    return {
        "text": {"input_ids": ids},
        "text to text": {"input_ids": ids, "decoder_input_ids": ids},
        "speech to text": {"input_features": torch.randn(1, 80, 3000), "decoder_input_ids": ids},
        "speech": {"input_values": torch.randn(1, 16000)},
    }[kind]
