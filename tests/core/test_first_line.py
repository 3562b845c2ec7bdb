"""What a foreign library says, cut down to what a user can use."""

from lissom.core.errors import first_line


def raised(outer: str, inner: str | None = None) -> Exception:
    try:
        try:
            raise ValueError(inner)
        except ValueError as cause:
            raise RuntimeError(outer) from (cause if inner else None)
    except RuntimeError as error:
        return error


def test_the_first_line_with_words_is_taken_without_colours() -> None:
    assert first_line(raised("\n  \x1b[96mno kernel\x1b[0m for it\nstack")) == "no kernel for it"
    assert first_line(RuntimeError()) == "RuntimeError"
    assert len(first_line(RuntimeError("x" * 900))) == 200


def test_what_went_wrong_first_counts() -> None:
    assert first_line(raised("conversion failed: see above", "aten.svd is unknown")) == "aten.svd is unknown"
