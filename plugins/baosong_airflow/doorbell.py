"""Ring for the intake from Airflow's api-server: what an operator decided is carried on by tasks, at once."""

from __future__ import annotations

import logging

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from baosong_airflow.assets import INTAKE, INTAKE_LARGE

log = logging.getLogger(__name__)


def ring() -> None:
    """Emit the events of both lanes, as the watchers do; a lost one costs at most the five minutes to their sweep."""
    from airflow.assets.manager import asset_manager
    from airflow.models.asset import AssetModel
    from airflow.utils.session import create_session

    wanted = select(AssetModel).where(AssetModel.name.in_((INTAKE.name, INTAKE_LARGE.name)))
    try:
        with create_session() as session:
            for asset in session.scalars(wanted):
                asset_manager.register_asset_change(asset=asset, source_is_api=True, session=session)
    except SQLAlchemyError as failure:
        log.warning("the intake was not told, and will see by itself: %s", type(failure).__name__)
