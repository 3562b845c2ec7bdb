"""Image classification: pictures in, one class out."""
