"""What a command of the command line left behind, for tests."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Done:
    """Exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    def is_refusal(self, said: str) -> None:
        """One to four lines on standard error with a hint, nothing on standard output, exit code 2."""
        assert self.code == 2, self
        assert said in self.err, self.err
        assert 1 <= len(self.err.strip().splitlines()) <= 4, self.err
        assert self.err.startswith("error: ") and "Traceback" not in self.err
        assert self.out == ""
