-- Run once, by the image of PostgreSQL in docker-compose.yaml, when it makes a new cluster: the databases of Airflow, of the
-- queue's results, which keeps workers out of Airflow's, and of the ledger.
\set airflow_password `cat /run/secrets/airflow_db_password`
\set celery_password `cat /run/secrets/celery_db_password`
\set ledger_password `cat /run/secrets/ledger_db_password`
CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE ROLE celery LOGIN PASSWORD :'celery_password';
CREATE ROLE ledger LOGIN PASSWORD :'ledger_password';
CREATE DATABASE airflow OWNER airflow;
CREATE DATABASE celery OWNER celery;
CREATE DATABASE ledger OWNER ledger;
REVOKE CONNECT ON DATABASE airflow, celery, ledger FROM PUBLIC;
