"""What can go wrong with the embedded stack in a way that its user can mend."""

from __future__ import annotations

from baosong.rules.errors import OneLineError


class StackError(OneLineError):
    """The stack cannot do what was asked; the text is one Chinese line for the person who asked."""
