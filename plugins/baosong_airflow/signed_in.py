"""Who is signed in, as Airflow knows him."""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

from baosong.store.accounts import Account, Role

# Airflow's `op` would also read connections and alter pools, which is an administrator's matter.
_AIRFLOWS = {Role.VIEWER: "viewer", Role.OPERATOR: "user", Role.ADMIN: "admin"}


class SignedIn(SimpleAuthManagerUser):
    """Somebody whose password was right: that of the account with this id, whatever becomes of it meanwhile."""

    def __init__(self, name: str, account: Account) -> None:
        super().__init__(username=name, role=_AIRFLOWS[account.role])
        self.account_id = account.id
