# The image of every Airflow service in docker-compose.yaml. The list of packages is complete and pinned with hashes, so
# nothing is resolved (--no-deps) and nothing compiled; `pip check` proves that they fit.
FROM python:3.11-slim-bookworm AS packages
COPY requirements-production.txt /tmp/
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: \
        -r /tmp/requirements-production.txt \
    && /opt/venv/bin/pip check

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/opt/baosong/include:/opt/baosong/plugins \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    BAOSONG_HOME=/var/lib/baosong
# A named volume takes the owner of the folder it covers: these three must belong to the user that writes to them.
RUN useradd --uid 10001 --user-group --home-dir /opt/airflow --create-home airflow \
    && install -d -o airflow -g airflow -m 0750 /opt/airflow/logs /opt/airflow/auth /var/lib/baosong
COPY --from=packages /opt/venv /opt/venv
COPY dags /opt/baosong/dags
COPY plugins /opt/baosong/plugins
COPY include /opt/baosong/include
# Nothing is compiled later, for the services may not write here: else each process would compile all it imports.
RUN python -m compileall -q /opt/baosong
WORKDIR /opt/baosong
USER 10001:10001
CMD ["airflow", "version"]
