"""Video classification: a clip of frames in, one class out of several."""
