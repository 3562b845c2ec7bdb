"""Texts and pairs of texts: classification, and numbers such as similarity."""
