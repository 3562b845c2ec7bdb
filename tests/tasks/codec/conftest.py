import pytest

pytest.importorskip("constriction", reason="the extra codec is not installed")

from lissom.tasks.codec.coding import Coder
from lissom.testing.tiny_codec import tiny_codec, tiny_coder
from lissom.zoo.codec import Codec


@pytest.fixture(scope="session")
def module() -> Codec:
    return tiny_codec()


@pytest.fixture(scope="session")
def coder(module: Codec) -> Coder:
    return tiny_coder(module)
