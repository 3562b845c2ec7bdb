import gc

import pytest

from lissom.core.collecting import no_collection


@pytest.mark.parametrize("before", [True, False])
def test_collection_is_off_meanwhile_and_as_before_afterwards(before: bool) -> None:
    was = gc.isenabled()
    try:
        (gc.enable if before else gc.disable)()
        with pytest.raises(KeyError), no_collection():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() == before
    finally:
        (gc.enable if was else gc.disable)()
