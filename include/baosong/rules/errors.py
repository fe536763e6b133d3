"""The errors of Baosong. Those below `OneLineError` end a command with one line, the others with a traceback.

BaosongError
├── OneLineError            the text is one Chinese line that says what is wrong and how to mend it
│   ├── CallError           the call itself was wrong (rules)
│   ├── CampaignError       a campaign file is missing or wrong (campaign)
│   ├── BackupRefused       a backup cannot be made there, or put back here (preservation)
│   ├── ExportRefused       the bag cannot be made, or not here (preservation)
│   ├── LedgerLost          the ledger is behind the archive's change log (ledger)
│   ├── RebuildRefused      a ledger that is in use is not replaced (preservation)
│   ├── ReviewRefused       an operator's decision that cannot be taken (pipeline)
│   ├── SettingsError       a setting is missing or wrong (store)
│   ├── StackError          the embedded stack cannot do what was asked (stack)
│   ├── StorageError        the object store refuses, or stays away (store)
│   └── TemplateRefused     a report template cannot be used (report)
│
│   what keeps a step from its end; Airflow tries again, or somebody is asked
├── ArchiveError            an archived object or record is not what was written (preservation)
├── IllegalTransition       a submission cannot go from this state to that (ledger)
├── LimitReached            as many files as a deliverable may have are accepted (ledger)
├── ReportBusy              another run is writing this edition (report)
├── ScannerDown             the virus scanner does not answer (validation)
├── Undecidable             a file that is no longer held is decided on (ledger)
├── DemoFailed              the demo saw what it did not expect (demo)
│
│   what became of a message (to people)
├── Refused                 it was surely not taken (pipeline)
│   └── Unavailable         nor is any other, the line is down (pipeline)
├── Unconfirmed             it was handed over, and nobody said whether it was taken (pipeline)
├── _Overtaken              another process sends it (pipeline)
│
│   what a confined program did not survive
├── SandboxError            a program in the sandbox gave no answer (validation)
│   ├── ResourceLimitExceeded   it used up its time or memory (validation)
│   │   └── OwnTimeIsUp     our own judging did, which nobody else is to blame for (validation)
│   ├── SandboxUnavailable  it cannot be started; an OSError (validation)
│   ├── WorkerCrashed       it died (validation)
│   └── WorkerError         it raised what nobody expected (validation)
│
│   what is wrong with a file: caught by the check that words it as a finding
├── Bomb                    a zip unpacks to more than its limits (validation)
├── Broken                  a zip is damaged (validation)
├── Damaged                 a photograph cannot be decoded (validation)
├── Damaged                 a member of a package is not what its directory says (validation)
├── Incomplete              a JPEG's data has a gap (validation)
├── Locked                  a document wants a password (validation)
├── LockedSheet             a workbook wants a password (validation)
├── PixelLimitExceeded      a photograph has more pixels than are decoded (validation)
├── Refused                 a package as a whole is not unpacked (validation)
├── UnknownFormula          a formula is not the plain arithmetic that is worked out (validation)
├── Unparsable              a video's header cannot be read (validation)
├── Unreadable              a document cannot be read (validation)
├── UnreadableSheet         a workbook cannot be read (validation)
└── Unsafe                  a member's name leads out of its package (validation)

Where a class of the last group is raised in the midst of parsing it is a ValueError as well, and is caught like those
that the parsers raise themselves.
"""

from __future__ import annotations


class BaosongError(Exception):
    """Every error that Baosong raises by itself."""


class OneLineError(BaosongError):
    """An error whose text is one Chinese line for whoever gave the command."""


class CallError(OneLineError):
    """The call itself was wrong; the text is one line for the caller."""
