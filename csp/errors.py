"""The one exception for what a user can put right. Commands print it as one line and exit non-zero."""


class BadInput(ValueError):
    """Input that cannot be used; the message says what is wrong and where."""
