"""Errors for people are a message and hints, each on its own line."""

from lissom.core.errors import CaptureError, LissomError, MissingExtraError


def test_hints_follow_the_message() -> None:
    assert str(LissomError("no", hint="yes")) == "no\nhint: yes"
    assert str(LissomError("no", hint=("one", "two"))) == "no\nhint: one\nhint: two"
    assert str(LissomError("no")) == "no"


def test_a_missing_extra_names_the_command_that_brings_it() -> None:
    error = MissingExtraError("timm", "timm", "the model timm:resnet18")
    assert "timm:resnet18 needs the package 'timm'" in error.message
    assert error.hints == ("pip install 'lissom[timm]'",)


def test_there_is_one_root() -> None:
    assert issubclass(CaptureError, LissomError) and issubclass(MissingExtraError, LissomError)
