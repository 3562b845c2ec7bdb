"""Keyword spotting: a clip of sound in, one word of several out."""
