"""The ledger: every arrival, what became of it and why, in PostgreSQL."""

from baosong.ledger.arrivals import Arrival, is_unpacked, verdict_of
from baosong.ledger.filing import Filed, Full, figure
from baosong.ledger.models import Crowd, Edition, History, Receipt, Submission
from baosong.ledger.pages import LedgerLost
from baosong.ledger.quarantine import Decision, Undecidable
from baosong.ledger.queries import ActivityRow, Cell, IndicatorRow
from baosong.ledger.replacing import Replacement
from baosong.ledger.states import FILED, TRANSITIONS, IllegalTransition, State
from baosong.ledger.store import Ledger

__all__ = [
    "FILED",
    "TRANSITIONS",
    "ActivityRow",
    "Arrival",
    "Cell",
    "Crowd",
    "Decision",
    "Edition",
    "Filed",
    "Full",
    "History",
    "IllegalTransition",
    "IndicatorRow",
    "Ledger",
    "LedgerLost",
    "Receipt",
    "Replacement",
    "State",
    "Submission",
    "Undecidable",
    "figure",
    "is_unpacked",
    "verdict_of",
]
