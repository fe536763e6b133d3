"""The ledger: every arrival, what became of it and why, in PostgreSQL."""

from baosong.ledger.arrivals import Arrival, is_unpacked, verdict_of
from baosong.ledger.filing import Filed, figure
from baosong.ledger.models import Edition, History, Receipt, Submission
from baosong.ledger.pages import LedgerLost
from baosong.ledger.queries import ActivityRow, Cell, IndicatorRow
from baosong.ledger.states import FILED, TRANSITIONS, IllegalTransition, State
from baosong.ledger.store import Ledger

__all__ = [
    "FILED",
    "TRANSITIONS",
    "ActivityRow",
    "Arrival",
    "Cell",
    "Edition",
    "Filed",
    "History",
    "IllegalTransition",
    "IndicatorRow",
    "Ledger",
    "LedgerLost",
    "Receipt",
    "State",
    "Submission",
    "figure",
    "is_unpacked",
    "verdict_of",
]
