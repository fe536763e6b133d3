-- The roles and databases of the services, each with the password of its secret. The image of PostgreSQL runs it when it makes
-- a new cluster; run again it makes what is missing and takes on passwords that were changed (docs/operators.md).
\set ON_ERROR_STOP on
\set postgres_password `cat /run/secrets/postgres_password`
\set airflow_password `cat /run/secrets/airflow_db_password`
\set celery_password `cat /run/secrets/celery_db_password`
\set ledger_owner_password `cat /run/secrets/ledger_owner_db_password`
\set ledger_password `cat /run/secrets/ledger_db_password`

SELECT format('CREATE ROLE %I LOGIN', name) FROM unnest('{airflow,celery,ledger_owner,ledger}'::text[]) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE postgres PASSWORD :'postgres_password';
ALTER ROLE airflow PASSWORD :'airflow_password';
ALTER ROLE celery PASSWORD :'celery_password';
ALTER ROLE ledger_owner PASSWORD :'ledger_owner_password';
ALTER ROLE ledger PASSWORD :'ledger_password';

-- Airflow's, that of the queue's results, which keeps workers out of Airflow's, and the ledger.
SELECT format('CREATE DATABASE %I OWNER %I', name, owner)
FROM (VALUES ('airflow', 'airflow'), ('celery', 'celery'), ('ledger', 'ledger_owner')) AS wanted (name, owner)
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = name) \gexec
REVOKE ALL ON DATABASE airflow, celery, ledger, postgres, template1 FROM PUBLIC;

-- The running services are `ledger`, which may change rows (ledger/privileges.py); tables belong to `ledger_owner`, the init's.
\connect ledger
REASSIGN OWNED BY ledger TO ledger_owner; -- before there were two, `ledger` owned them
GRANT CONNECT ON DATABASE ledger TO ledger;
