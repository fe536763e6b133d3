"""The ledger: every arrival, what became of it and why, in PostgreSQL."""

from baosong.ledger.filing import Filed, LimitReached, figure
from baosong.ledger.models import Closing, Edition, Extension, History, IntakeLimit, Notification, Receipt, Submission
from baosong.ledger.pending_changes import LedgerLost
from baosong.ledger.quarantine import Decision, Undecidable
from baosong.ledger.queries import ActivityRow, Cell, IndicatorRow
from baosong.ledger.receipts import Replacement
from baosong.ledger.states import FILED, TRANSITIONS, IllegalTransition, State
from baosong.ledger.store import Ledger
from baosong.ledger.submissions import Arrival, is_unpacked, verdict_of

__all__ = [
    "FILED",
    "TRANSITIONS",
    "ActivityRow",
    "Arrival",
    "Cell",
    "Closing",
    "Decision",
    "Edition",
    "Extension",
    "Filed",
    "History",
    "IllegalTransition",
    "IndicatorRow",
    "IntakeLimit",
    "Ledger",
    "LedgerLost",
    "LimitReached",
    "Notification",
    "Receipt",
    "Replacement",
    "State",
    "Submission",
    "Undecidable",
    "figure",
    "is_unpacked",
    "verdict_of",
]
