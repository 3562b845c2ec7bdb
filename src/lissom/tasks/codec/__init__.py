"""Video compression as a task."""
