"""Operators' decisions, versions of a place, what was purged, the table of transitions, and views for people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "r0005"
down_revision = "r0004"

_TIME = sa.DateTime(timezone=True)
_VIEWS = ("v_completeness", "v_punctuality", "v_findings", "v_changes")

_WAYS = """
CREATE FUNCTION refuse_illegal_transition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD.state, NEW.state) NOT IN (
    ('received', 'checked'), ('received', 'withdrawn'),
    ('checked', 'accepted'), ('checked', 'rejected'), ('checked', 'held'), ('checked', 'duplicate'),
    ('checked', 'superseded'), ('checked', 'withdrawn'),
    ('accepted', 'superseded'), ('duplicate', 'accepted'), ('held', 'checked')
  ) THEN RAISE EXCEPTION 'illegal transition: % -> %', OLD.state, NEW.state;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER along_the_ways BEFORE UPDATE OF state ON submission
FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION refuse_illegal_transition();
"""

# A bundle counts for nothing: what came in it does. A rejected or held file counts while it is the last of its place.
_COMPLETENESS = """
CREATE VIEW v_completeness AS
WITH ranked AS (
  SELECT campaign, prefecture, kind, state, received_at,
    row_number() OVER (PARTITION BY campaign, prefecture, kind, slot ORDER BY id DESC) = 1 AS last
  FROM submission WHERE kind IS NOT NULL AND state <> 'withdrawn'
), counted AS (
  SELECT campaign, prefecture, kind,
    count(*) FILTER (WHERE state = 'accepted') AS accepted,
    count(*) FILTER (WHERE last AND state = 'rejected') AS rejected,
    count(*) FILTER (WHERE last AND state = 'held') AS held,
    count(*) FILTER (WHERE state IN ('received', 'checked')) AS pending,
    max(received_at) AS newest
  FROM ranked GROUP BY campaign, prefecture, kind
)
SELECT e.campaign AS 活动, e.prefecture AS 代码, e.unit AS 地州市, e.title AS 材料, e.kind AS 类别,
  CASE
    WHEN coalesce(c.accepted, 0) >= greatest(e.least, 1) THEN '已齐'
    WHEN c.pending > 0 THEN '校验中'
    WHEN c.held > 0 THEN '待人工审核'
    WHEN c.rejected > 0 THEN '已退回'
    WHEN c.accepted > 0 THEN '还缺'
    WHEN e.required THEN '未报送'
    ELSE '可不报送'
  END AS 状态,
  coalesce(c.accepted, 0) AS 已接收, e.least AS 至少, e.most AS 至多,
  CASE WHEN e.required THEN greatest(e.least - coalesce(c.accepted, 0), 0) ELSE 0 END AS 还缺,
  coalesce(c.rejected, 0) AS 待改正, coalesce(c.held, 0) AS 待审核, c.newest AS 最近报送
FROM expected e LEFT JOIN counted c USING (campaign, prefecture, kind)
"""

# Complete since: when the last required deliverable had enough files that were (or once were) accepted.
_PUNCTUALITY = """
CREATE VIEW v_punctuality AS
WITH taken AS (
  SELECT campaign, prefecture, kind, late, received_at,
    row_number() OVER (PARTITION BY campaign, prefecture, kind ORDER BY received_at, id) AS nth
  FROM submission WHERE kind IS NOT NULL AND state IN ('accepted', 'superseded')
), needed AS (
  SELECT e.campaign, e.prefecture, e.kind,
    (SELECT count(*) FROM submission s WHERE s.state = 'accepted'
      AND (s.campaign, s.prefecture, s.kind) = (e.campaign, e.prefecture, e.kind)) >= e.least AS enough,
    (SELECT count(*) FROM taken t WHERE NOT t.late
      AND (t.campaign, t.prefecture, t.kind) = (e.campaign, e.prefecture, e.kind)) >= e.least AS in_time,
    (SELECT t.received_at FROM taken t WHERE t.nth = e.least
      AND (t.campaign, t.prefecture, t.kind) = (e.campaign, e.prefecture, e.kind)) AS since
  FROM expected e WHERE e.required
), whole AS (
  SELECT campaign, prefecture, bool_and(enough) AS complete, bool_and(in_time) AS in_time, max(since) AS since
  FROM needed GROUP BY campaign, prefecture
), sent AS (
  SELECT campaign, prefecture, min(received_at) AS first, max(received_at) AS last, count(*) AS files,
    count(*) FILTER (WHERE late) AS late, count(*) FILTER (WHERE state = 'rejected') AS rejected,
    count(*) FILTER (WHERE version > 1) AS again
  FROM submission WHERE NOT facts ? 'bundle' GROUP BY campaign, prefecture
), units AS (SELECT DISTINCT campaign, prefecture, unit, deadline FROM expected)
SELECT u.campaign AS 活动, u.prefecture AS 代码, u.unit AS 地州市,
  CASE
    WHEN s.files IS NULL THEN '未报送'
    WHEN NOT coalesce(w.complete, true) THEN '未报齐'
    WHEN coalesce(w.in_time, true) THEN '按时'
    ELSE '迟报'
  END AS 结论,
  u.deadline AS 截止时间, s.first AS 首次报送, s.last AS 最近报送, CASE WHEN w.complete THEN w.since END AS 报齐时间,
  CASE WHEN w.complete THEN round(extract(epoch FROM u.deadline - w.since) / 86400, 1) END AS 提前天数,
  coalesce(s.files, 0) AS 报送文件, coalesce(s.late, 0) AS 迟报文件, coalesce(s.rejected, 0) AS 退回文件,
  coalesce(s.again, 0) AS 补报次数
FROM units u LEFT JOIN whole w USING (campaign, prefecture) LEFT JOIN sent s USING (campaign, prefecture)
"""

_FINDINGS = """
CREATE VIEW v_findings AS
SELECT s.campaign AS 活动, s.prefecture AS 代码, u.unit AS 地州市, coalesce(u.title, s.kind) AS 材料, s.id AS 序号,
  s.name AS 文件, s.received_at AS 收到时间, s.state AS 状态, f.nth AS 第几条, f.told ->> 'rule' AS 规则,
  CASE f.told ->> 'severity' WHEN 'error' THEN '必须修改' WHEN 'warning' THEN '请核对' ELSE '说明' END AS 级别,
  f.told ->> 'message' AS 问题,
  concat_ws(' ', f.told #>> '{where,member}', f.told #>> '{where,sheet}', f.told #>> '{where,cell}',
    f.told #>> '{where,track}', f.told #>> '{where,field}', '第' || (f.told #>> '{where,page}') || '页') AS 位置,
  f.told ->> 'observed' AS 实际, f.told ->> 'expected' AS 要求, f.told ->> 'fix' AS 怎样修改
FROM submission s
CROSS JOIN LATERAL jsonb_array_elements(s.findings) WITH ORDINALITY AS f (told, nth)
LEFT JOIN LATERAL (
  SELECT e.unit, max(e.title) FILTER (WHERE e.kind = s.kind) AS title FROM expected e
  WHERE (e.campaign, e.prefecture) = (s.campaign, s.prefecture) GROUP BY e.unit
) u ON true
"""

# The rows of a replaced sheet stay as they were, so what has changed can always be told.
_CHANGES = """
CREATE VIEW v_changes AS
SELECT s.campaign AS 活动, s.prefecture AS 代码, u.unit AS 地州市, s.version AS 第几次, s.id AS 序号, s.name AS 文件,
  s.received_at AS 收到时间, b.id AS 原序号, b.name AS 原文件, d.code AS 指标, d.part AS 分项, d.before AS 原数,
  d.after AS 新数
FROM submission s JOIN submission b ON b.id = s.replaces_id
JOIN LATERAL (
  SELECT coalesce(o.code, n.code) AS code, p.part, p.before, p.after
  FROM (SELECT * FROM indicator_value WHERE submission_id = b.id) o
  FULL JOIN (SELECT * FROM indicator_value WHERE submission_id = s.id) n USING (code)
  CROSS JOIN LATERAL (VALUES ('合计', o.total, n.total), ('线下', o.offline, n.offline), ('线上', o.online, n.online))
    AS p (part, before, after)
  WHERE p.before IS DISTINCT FROM p.after
) d ON true
LEFT JOIN (SELECT DISTINCT campaign, prefecture, unit FROM expected) u
  ON (u.campaign, u.prefecture) = (s.campaign, s.prefecture)
WHERE s.kind = 'statistics'
"""


def upgrade() -> None:
    """Add columns, table, trigger and views; what was accepted before has no version and counts as the first."""
    op.add_column("history", sa.Column("who", sa.Text))
    op.add_column("submission", sa.Column("version", sa.Integer))
    op.add_column("submission", sa.Column("replaces_id", sa.BigInteger))
    op.add_column("submission", sa.Column("held_key", sa.Text))
    op.add_column("submission", sa.Column("purged_at", _TIME))
    op.create_foreign_key("fk_submission_replaces_id", "submission", "submission", ["replaces_id"], ["id"])
    op.create_table(
        "expected",
        sa.Column("campaign", sa.Text, nullable=False),
        sa.Column("prefecture", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("required", sa.Boolean, nullable=False),
        sa.Column("least", sa.Integer, nullable=False),
        sa.Column("most", sa.Integer, nullable=False),
        sa.Column("deadline", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("campaign", "prefecture", "kind", name="pk_expected"),
    )
    for statement in (_WAYS, _COMPLETENESS, _PUNCTUALITY, _FINDINGS, _CHANGES):
        op.execute(statement)


def downgrade() -> None:
    """Drop them; a decision's reason stays in its history, the name of who decided goes."""
    for view in reversed(_VIEWS):
        op.execute(f"DROP VIEW {view}")
    op.execute("DROP TRIGGER along_the_ways ON submission")
    op.execute("DROP FUNCTION refuse_illegal_transition()")
    op.drop_table("expected")
    for column in ("purged_at", "held_key", "replaces_id", "version"):
        op.drop_column("submission", column)
    op.drop_column("history", "who")
