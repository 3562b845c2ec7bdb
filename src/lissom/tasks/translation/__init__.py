"""Translation: sentences of one language into another, by an encoder-decoder."""
