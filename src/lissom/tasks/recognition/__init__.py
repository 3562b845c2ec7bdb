"""The task recognition: speech to text."""
