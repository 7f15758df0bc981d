# syntax=docker/dockerfile:1
# Two stages: the first installs from the hash-pinned lock, the second has neither compiler nor pip's cache.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv /opt/jobwatch
COPY requirements.lock ./
RUN /opt/jobwatch/bin/pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY jobwatch ./jobwatch
RUN /opt/jobwatch/bin/pip install --no-deps . && /opt/jobwatch/bin/python -m compileall -q /opt/jobwatch/lib

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="jobwatch" \
      org.opencontainers.image.description="Watches Tencent Cloud COS Batch Operation jobs and tells you how they end" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/jobwatch /opt/jobwatch
ENV PATH=/opt/jobwatch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    JOBWATCH_STORE__PATH=/var/lib/jobwatch/jobwatch.db
RUN install -d -o 65532 -g 65532 -m 0700 /var/lib/jobwatch
USER 65532:65532
WORKDIR /var/lib/jobwatch
VOLUME /var/lib/jobwatch
EXPOSE 19870
STOPSIGNAL SIGTERM
ENTRYPOINT ["jobwatch"]
CMD ["run"]
