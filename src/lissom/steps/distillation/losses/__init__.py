"""Losses of distillation as plain functions of tensors, for any training loop. Each has a card beside it."""

from lissom.core.tables import Table

LOSSES = Table(
    "loss",
    {
        "logits": "lissom.steps.distillation.losses.hinton:hinton",
        "standardised": "lissom.steps.distillation.losses.standardised:standardised",
        "dkd": "lissom.steps.distillation.losses.dkd:dkd",
        "dist": "lissom.steps.distillation.losses.dist:dist",
        "hints": "lissom.steps.distillation.losses.hints:hints",
        "attention_transfer": "lissom.steps.distillation.losses.attention_transfer:attention_transfer",
        "rkd": "lissom.steps.distillation.losses.rkd:rkd",
        "similarity": "lissom.steps.distillation.losses.similarity:similarity",
        "crd": "lissom.steps.distillation.losses.crd:Contrast",
        "tinybert_hidden": "lissom.steps.distillation.losses.tinybert:tinybert_hidden",
        "tinybert_attention": "lissom.steps.distillation.losses.tinybert:tinybert_attention",
        "distilbert": "lissom.steps.distillation.losses.distilbert:distilbert",
        "cosine": "lissom.steps.distillation.losses.distilbert:cosine",
        "minilm": "lissom.steps.distillation.losses.minilm:minilm",
        "minilm_values": "lissom.steps.distillation.losses.minilm:relation",
    },
)
