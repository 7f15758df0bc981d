# Two stages: the first installs from hash-pinned locks, the second has neither a compiler nor pip.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 SOURCE_DATE_EPOCH=0
WORKDIR /src
# pip and what builds the wheel live beside the environment that is kept, so that nothing of them gets into it. A mirror or
# an index of your own is read from a pip.conf that stays out of the image: `--secret id=pip,src=pip.conf`.
COPY requirements-build.lock requirements.lock ./
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python -m venv /tools \
 && /tools/bin/pip install --require-hashes --no-compile --requirement requirements-build.lock \
 && python -m venv --without-pip /opt/jobwatch \
 && /tools/bin/pip --python /opt/jobwatch/bin/python \
      install --require-hashes --only-binary :all: --no-compile --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY jobwatch ./jobwatch
# Compiled by hash and not by date: no start looks at the sources again, and the same sources make the same files.
RUN /tools/bin/pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /wheels . \
 && /tools/bin/pip --python /opt/jobwatch/bin/python install --no-deps --no-index --no-compile /wheels/*.whl \
 && /opt/jobwatch/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/jobwatch/lib

FROM ${PYTHON_IMAGE}
# The slim images come without compiled files of the standard library, and a read-only root could never keep them: without
# this line each start and each health check would compile what it imports. What installs packages goes.
RUN library="$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
 && rm -rf "$library"/ensurepip "$library"/site-packages/pip "$library"/site-packages/pip-*.dist-info \
      /usr/local/bin/pip* /usr/share/python-wheels \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash \
      -x '/(test|tests|idlelib|tkinter|turtledemo|lib2to3|pydoc_data)/' "$library" \
 && install -d -o 65532 -g 65532 -m 0700 /var/lib/jobwatch
COPY --from=build /opt/jobwatch /opt/jobwatch
# SQLite sorts what is large in files: on the volume, because nothing else may be writable.
ENV PATH=/opt/jobwatch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    SQLITE_TMPDIR=/var/lib/jobwatch \
    JOBWATCH_STORE__PATH=/var/lib/jobwatch/jobwatch.db
USER 65532:65532
WORKDIR /var/lib/jobwatch
VOLUME /var/lib/jobwatch
EXPOSE 19870
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["jobwatch", "health"]
ENTRYPOINT ["jobwatch"]
CMD ["run"]
# Last, because what changes with each build would make everything after it anew.
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG SOURCE=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="jobwatch" \
      org.opencontainers.image.description="Watches Tencent Cloud COS Batch jobs and CAS vault jobs and tells you how they end" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.created="${CREATED}"
