"""Start `province_report` for a campaign from Airflow's api-server, as its own trigger button would."""

from __future__ import annotations

from sqlalchemy import select

DAG_ID = "province_report"


def under_way(campaign_id: str) -> bool:
    """Return whether a run for this campaign waits or is at work."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    busy = select(DagRun.id).where(DagRun.dag_id == DAG_ID, DagRun.partition_key == campaign_id)
    with create_session() as session:
        return session.scalar(busy.where(DagRun.state.in_(("queued", "running"))).limit(1)) is not None


def start(campaign_id: str, who: str, reason: str) -> None:
    """Queue a run for this campaign in somebody's name; its first task asks the ledger again whether all is there."""
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.utils.types import DagRunTriggeredByType

    trigger_dag(
        DAG_ID,
        triggered_by=DagRunTriggeredByType.UI,
        triggering_user_name=who,
        partition_key=campaign_id,
        note=reason,
    )
