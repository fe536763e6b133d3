# The image of every Airflow service in docker-compose.yaml. The list of packages is complete and pinned with hashes, so
# nothing is resolved (--no-deps); what builds our own wheel, and that of bagit, which has none, is pinned likewise.
FROM python:3.11-slim-bookworm AS packages
# Another index of packages than pip's own, for networks that do not reach that; the hashes are the same.
ARG PIP_INDEX_URL
COPY requirements-production.txt requirements-build.txt /tmp/
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: \
        -r /tmp/requirements-build.txt \
    && /opt/build/bin/pip wheel --no-cache-dir --no-deps --require-hashes --no-build-isolation \
        --only-binary :all: --no-binary bagit --wheel-dir /tmp/wheels -r /tmp/requirements-production.txt
COPY pyproject.toml /src/
COPY include/baosong /src/include/baosong
COPY include/campaigns /src/include/campaigns
COPY plugins/baosong_airflow /src/plugins/baosong_airflow
RUN /opt/build/bin/pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /tmp/wheels /src \
    && python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-deps --no-index /tmp/wheels/*.whl \
    && /opt/venv/bin/pip check

# The list of what was installed (CycloneDX), by a program that does not come into the image itself.
FROM packages AS sbom
ARG PIP_INDEX_URL
COPY requirements-sbom.txt /tmp/
RUN python -m venv /opt/sbom \
    && /opt/sbom/bin/pip install --no-cache-dir --no-deps --require-hashes --only-binary :all: \
        -r /tmp/requirements-sbom.txt \
    && /opt/sbom/bin/cyclonedx-py environment /opt/venv --output-reproducible --output-file /tmp/sbom.cdx.json

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    AIRFLOW_HOME=/opt/airflow \
    BAOSONG_CAMPAIGNS=/opt/baosong/include/campaigns:/var/lib/baosong/campaigns \
    BAOSONG_HOME=/var/lib/baosong
# A named volume takes the owner of the folder it covers: these three must belong to the user that writes to them.
RUN useradd --uid 10001 --user-group --home-dir /opt/airflow --create-home airflow \
    && install -d -o airflow -g airflow -m 0750 /opt/airflow/logs /opt/airflow/auth /var/lib/baosong
COPY --from=packages /opt/venv /opt/venv
COPY --from=sbom /tmp/sbom.cdx.json /opt/baosong/sbom.cdx.json
COPY dags /opt/baosong/dags
COPY plugins/.airflowignore plugins/baosong_plugin.py /opt/baosong/plugins/
COPY plugins/preload /opt/baosong/plugins/preload
COPY include/campaigns /opt/baosong/include/campaigns
# Nothing is compiled later, for the services may not write here: else each process would compile all it imports.
RUN python -m compileall -q /opt/baosong
WORKDIR /opt/baosong
USER 10001:10001
CMD ["airflow", "version"]
