"""Every error that a user can meet.

    DermaSynthError           the work failed; the message says what, where and what to do
    ├── UsageError            wrong words on the command line or in a call (exit code 2)
    ├── PluginError           an installed package that adds a source, an engine or a check, and is broken or in the way
    ├── DownloadError         a raw release that cannot be fetched, or not whole
    ├── SourceError           a raw release that cannot be read, or problems under --strict
    │   └── NoReleaseError    a folder in which nothing is proved to be of the source
    ├── PromptError           a question bank or a template that breaks its own rules
    ├── PriceError            a price table that cannot be read
    ├── EngineError           a service that cannot be asked: no key, no such model, failing or changed
    ├── StoppedError          work that ended early and goes on when the command is run again (exit code 3)
    │   ├── UnansweredError   some requests got no answer, for no fault of theirs
    │   └── QuotaError        the service's quota of the day is used up; the message says when it is new
    ├── LedgerError           a ledger that cannot be opened or is in use
    ├── ReleaseError          a release that cannot be written, or whose card and files disagree
    ├── FigureError           a figure that cannot be drawn here
    └── PushError             a release that must not go, or did not go, to the Hub

One bad row, image or reply is never an exception: it is a `Problem`, a failed `Reply` or a `Finding`.
"""


class DermaSynthError(Exception):
    """What failed, where, and what to do, in words for the user."""


class UsageError(DermaSynthError):
    """The caller asked for something that does not exist or does not go together."""


class PluginError(DermaSynthError):
    """A source, an engine or a check of another package cannot be used."""


class DownloadError(DermaSynthError):
    """A raw release cannot be fetched from its official host, or not whole."""


class SourceError(DermaSynthError):
    """A raw release cannot be read."""


class NoReleaseError(SourceError):
    """A folder holds no table that is proved to be of the source."""


class PromptError(DermaSynthError):
    """A question bank, a template or the curated answers break their own rules."""


class PriceError(DermaSynthError):
    """A price table cannot be read, or breaks its form."""


class EngineError(DermaSynthError):
    """A service cannot be asked: there is no key or no such model, it fails, or it has changed."""


class StoppedError(DermaSynthError):
    """The work ended early, what is done is kept, and the same command goes on."""


class UnansweredError(StoppedError):
    """Some requests got no answer, for no fault of theirs; the same command asks them again."""


class QuotaError(StoppedError):
    """The quota of the day is used up."""


class LedgerError(DermaSynthError):
    """A ledger cannot be opened, or another process writes it."""


class ReleaseError(DermaSynthError):
    """A release cannot be written, or its card and its files disagree."""


class FigureError(DermaSynthError):
    """A figure cannot be drawn here."""


class PushError(DermaSynthError):
    """A release must not go, or did not go, to the Hub."""
