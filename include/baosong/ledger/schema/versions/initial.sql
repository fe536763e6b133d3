-- The ledger's schema. Names are contracts: records, change log, operators' queries and the guide use them.

CREATE TABLE receipt (
    id bigserial CONSTRAINT pk_receipt PRIMARY KEY,
    campaign text NOT NULL,
    prefecture text NOT NULL,
    number integer NOT NULL,
    issued_at timestamptz NOT NULL,
    status jsonb NOT NULL,
    CONSTRAINT uq_receipt_campaign UNIQUE (campaign, prefecture, number)
);

CREATE TABLE submission (
    id bigserial CONSTRAINT pk_submission PRIMARY KEY,
    campaign text NOT NULL,
    prefecture text NOT NULL,
    kind text,
    slot text NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    folder text,
    size bigint NOT NULL,
    identity text NOT NULL,
    arrival integer NOT NULL,
    etag text NOT NULL,
    modified_at timestamptz NOT NULL,
    version_id text,
    received_at timestamptz NOT NULL,
    late boolean NOT NULL,
    state text NOT NULL,
    verdict text,
    findings jsonb NOT NULL,
    facts jsonb NOT NULL,
    figures jsonb,
    rules_version text,
    checked_at timestamptz,
    sha256 text,
    bucket text,
    archive_key text,
    filed_at timestamptz,
    receipt_id bigint CONSTRAINT fk_submission_receipt_id REFERENCES receipt,
    replied_at timestamptz,
    bundle_id bigint CONSTRAINT fk_submission_bundle_id REFERENCES submission,
    member jsonb,
    version integer,
    replaces_id bigint CONSTRAINT fk_submission_replaces_id REFERENCES submission,
    held_key text,
    purged_at timestamptz,
    CONSTRAINT uq_submission_arrival UNIQUE (campaign, prefecture, key, identity, arrival),
    CONSTRAINT ck_submission_known_state CHECK (state IN (
        'received', 'checked', 'accepted', 'rejected', 'held', 'duplicate', 'superseded', 'withdrawn'))
);
-- The only locks on what counts: one current file per content, and one per replacement key.
CREATE UNIQUE INDEX uq_submission_content ON submission (campaign, prefecture, kind, sha256) WHERE state = 'accepted';
CREATE UNIQUE INDEX uq_submission_slot ON submission (campaign, prefecture, kind, slot) WHERE state = 'accepted';
CREATE INDEX ix_submission_unfinished ON submission (campaign, prefecture, id)
    WHERE replied_at IS NULL AND state <> 'withdrawn';
CREATE INDEX ix_submission_place ON submission (campaign, prefecture, id);
CREATE INDEX ix_submission_receipt ON submission (receipt_id);
CREATE INDEX ix_submission_archive ON submission (archive_key);
CREATE INDEX ix_submission_bundle ON submission (bundle_id) WHERE bundle_id IS NOT NULL;
-- Boards, status pages and receipts must not read all that was ever sent: each asks an index of its own.
CREATE INDEX ix_submission_standing ON submission (campaign, prefecture, kind, slot, id DESC)
    INCLUDE (state, received_at);
CREATE INDEX ix_submission_newest ON submission (campaign, received_at, id);
CREATE INDEX ix_submission_state ON submission (campaign, prefecture, kind, state, id);
CREATE INDEX ix_submission_last ON submission (campaign, prefecture, kind, received_at) WHERE state <> 'withdrawn';
CREATE INDEX ix_submission_failed ON submission (campaign, prefecture, kind, slot, id, state)
    WHERE state IN ('rejected', 'held');

CREATE TABLE history (
    id bigserial CONSTRAINT pk_history PRIMARY KEY,
    submission_id bigint NOT NULL CONSTRAINT fk_history_submission_id REFERENCES submission,
    at timestamptz NOT NULL,
    before text,
    after text NOT NULL,
    note text NOT NULL,
    who text
);
CREATE INDEX ix_history_submission_id ON history (submission_id);

CREATE TABLE indicator_value (
    submission_id bigint NOT NULL CONSTRAINT fk_indicator_value_submission_id REFERENCES submission,
    code text NOT NULL,
    total numeric(18, 2),
    offline numeric(18, 2),
    online numeric(18, 2),
    cell text NOT NULL,
    CONSTRAINT pk_indicator_value PRIMARY KEY (submission_id, code)
);

CREATE TABLE activity (
    submission_id bigint NOT NULL CONSTRAINT fk_activity_submission_id REFERENCES submission,
    "row" integer NOT NULL,
    name text NOT NULL,
    category text,
    start date,
    "end" date,
    form text,
    offline numeric(18, 2),
    online numeric(18, 2),
    fields jsonb NOT NULL,
    CONSTRAINT pk_activity PRIMARY KEY (submission_id, "row")
);

CREATE TABLE fingerprint (
    submission_id bigint NOT NULL CONSTRAINT fk_fingerprint_submission_id REFERENCES submission,
    "table" text NOT NULL,
    digest text NOT NULL,
    CONSTRAINT pk_fingerprint PRIMARY KEY (submission_id, "table")
);
CREATE INDEX ix_fingerprint_digest ON fingerprint (digest);

CREATE TABLE edition (
    id bigserial CONSTRAINT pk_edition PRIMARY KEY,
    campaign text NOT NULL,
    edition text NOT NULL,
    version integer NOT NULL,
    prefix text NOT NULL,
    inputs_sha text NOT NULL,
    figures jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT uq_edition_campaign UNIQUE (campaign, edition, version)
);

CREATE TABLE announcement (
    campaign text NOT NULL,
    prefecture text NOT NULL,
    at timestamptz NOT NULL,
    CONSTRAINT pk_announcement PRIMARY KEY (campaign, prefecture)
);

CREATE TABLE expected (
    campaign text NOT NULL,
    prefecture text NOT NULL,
    kind text NOT NULL,
    unit text NOT NULL,
    title text NOT NULL,
    required boolean NOT NULL,
    least integer NOT NULL,
    most integer NOT NULL,
    deadline timestamptz NOT NULL,
    CONSTRAINT pk_expected PRIMARY KEY (campaign, prefecture, kind)
);

CREATE TABLE unwritten (
    id bigserial CONSTRAINT pk_unwritten PRIMARY KEY,
    campaign text NOT NULL,
    prefecture text NOT NULL,
    "table" text NOT NULL,
    "row" jsonb NOT NULL
);
CREATE INDEX ix_unwritten_place ON unwritten (campaign, prefecture, id);

CREATE TABLE page (
    campaign text NOT NULL,
    prefecture text NOT NULL,
    number integer NOT NULL,
    CONSTRAINT pk_page PRIMARY KEY (campaign, prefecture)
);

CREATE TABLE custody (
    bucket text NOT NULL,
    key text NOT NULL,
    campaign text NOT NULL,
    prefecture text NOT NULL,
    read_at timestamptz NOT NULL,
    faults jsonb NOT NULL,
    CONSTRAINT pk_custody PRIMARY KEY (bucket, key)
);
CREATE INDEX ix_custody_faulty ON custody (campaign) WHERE faults <> '[]';

-- The embedded store's supervisor writes to this one by hand, hence the defaults.
CREATE TABLE intake_limit (
    campaign text NOT NULL,
    prefecture text NOT NULL,
    over_limit boolean DEFAULT false NOT NULL,
    closed boolean DEFAULT false NOT NULL,
    notified boolean DEFAULT false NOT NULL,
    swept bigint DEFAULT 0 NOT NULL,
    swept_bytes bigint DEFAULT 0 NOT NULL,
    at timestamptz DEFAULT now() NOT NULL,
    CONSTRAINT pk_intake_limit PRIMARY KEY (campaign, prefecture)
);

-- History is what the operators' decisions rest on: nobody may alter it, a mistaken program included.
CREATE FUNCTION refuse_change_of_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'history is append-only'; END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history();

-- The ways between states; states.py holds the same table, and a test compares the two.
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

-- Each change waits in `unwritten`, in the transaction that made it, until a segment of the change log holds it.
-- Triggers, because a change that is made by hand must be in the log as well.
CREATE FUNCTION note_unwritten() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    new_row jsonb := to_jsonb(NEW);
    old_row jsonb;
    told jsonb := new_row;
    place record;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        old_row := to_jsonb(OLD);
        SELECT jsonb_object_agg(n.key, n.value) INTO told FROM jsonb_each(new_row) n
        WHERE n.key = ANY (TG_ARGV) OR n.value IS DISTINCT FROM old_row -> n.key;
    END IF;
    IF TG_TABLE_NAME = 'history' THEN
        SELECT campaign, prefecture INTO place FROM submission WHERE id = (new_row ->> 'submission_id')::bigint;
    ELSE
        SELECT new_row ->> 'campaign' AS campaign, coalesce(new_row ->> 'prefecture', '') AS prefecture INTO place;
    END IF;
    INSERT INTO unwritten (campaign, prefecture, "table", "row")
    VALUES (place.campaign, place.prefecture, TG_TABLE_NAME, told);
    RETURN NULL;
END $$;
CREATE TRIGGER note_unwritten AFTER INSERT OR UPDATE ON receipt
FOR EACH ROW EXECUTE FUNCTION note_unwritten('id');
CREATE TRIGGER note_unwritten AFTER INSERT OR UPDATE ON submission
FOR EACH ROW EXECUTE FUNCTION note_unwritten('id');
CREATE TRIGGER note_unwritten AFTER INSERT OR UPDATE ON history
FOR EACH ROW EXECUTE FUNCTION note_unwritten('id');
CREATE TRIGGER note_unwritten AFTER INSERT OR UPDATE ON edition
FOR EACH ROW EXECUTE FUNCTION note_unwritten('id');
CREATE TRIGGER note_unwritten AFTER INSERT OR UPDATE ON announcement
FOR EACH ROW EXECUTE FUNCTION note_unwritten('campaign', 'prefecture');
CREATE TRIGGER note_unwritten AFTER INSERT OR UPDATE ON custody
FOR EACH ROW EXECUTE FUNCTION note_unwritten('bucket', 'key');

-- Views that people query; a bundle counts for nothing in them, because the files in it do.
-- A rejected or held file counts while it is the last under its replacement key.
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
FROM expected e LEFT JOIN counted c USING (campaign, prefecture, kind);

-- Complete since: when the last required deliverable had enough files that were (or once were) accepted.
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
FROM units u LEFT JOIN whole w USING (campaign, prefecture) LEFT JOIN sent s USING (campaign, prefecture);

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
) u ON true;

-- The rows of a replaced sheet stay, so what has changed can always be listed.
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
WHERE s.kind = 'statistics';
