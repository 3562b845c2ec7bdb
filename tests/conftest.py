"""What holds for all tests: one thread, so that results repeat, no time limit on an example, the longest file first."""

import hypothesis
import pytest
import torch

torch.set_num_threads(1)
hypothesis.settings.register_profile("lissom", deadline=None)
hypothesis.settings.load_profile("lissom")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The documents' commands first: one process runs them while another runs the rest."""
    items.sort(key=lambda item: item.path.name != "test_documents.py")
