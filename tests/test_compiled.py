"""Compiled entry points: a word on a terminal while the user waits, and no need of a place for the cache."""

import io

import pytest

from skdistmass.compiled import entry_point


class Terminal(io.StringIO):
    """A standard error that is, or is not, a terminal."""

    def __init__(self, is_terminal):
        super().__init__()
        self.is_terminal = is_terminal

    def isatty(self):
        return self.is_terminal


@pytest.mark.parametrize(("is_terminal", "word"), [(True, "compiling a sum"), (False, "")])
def test_word_on_a_terminal_without_a_place_for_the_cache(monkeypatch, is_terminal, word):
    namespace = {}
    # Source that stands in no file has no place for its machine code.
    exec("def add(x, y): return x + y", namespace)
    add, stderr = entry_point("a sum")(namespace["add"]), Terminal(is_terminal)
    monkeypatch.setattr("sys.stderr", stderr)
    assert add(1, 2) == 3
    first = stderr.getvalue()
    assert first.startswith(word)
    assert first.endswith("done\n") == is_terminal
    assert add(3, 4) == 7
    assert stderr.getvalue() == first, "compiled once"
