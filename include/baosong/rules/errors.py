"""The errors of Baosong. Those below `OneLineError` end a command with one line, the others with a traceback.

BaosongError
└── OneLineError            the text is one Chinese line that says what is wrong and how to mend it
    ├── CallError           the call itself was wrong (cli)
    ├── CampaignError       a campaign file is missing or wrong (campaign)
    ├── SettingsError       a setting is missing or wrong (store)
    ├── StorageError        the object store refuses, or stays away (store)
    ├── TemplateRefused     a report template cannot be used (report)
    ├── ReviewRefused          an operator's decision that cannot be taken (pipeline)
    └── StackError          the embedded stack cannot start (baosong_local)
"""

from __future__ import annotations


class BaosongError(Exception):
    """Every error that Baosong raises by itself."""


class OneLineError(BaosongError):
    """An error whose text is one Chinese line for whoever gave the command."""
