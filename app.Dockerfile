# A node of raftwerk: built in one image, run in another, by a user without rights.
# PYTHON may name any image with Python 3.11 or newer and pip.
ARG PYTHON=docker.io/library/python:3.13-slim

FROM ${PYTHON} AS build
WORKDIR /src
RUN python3 -m venv /opt/uv && /opt/uv/bin/python -m pip install --quiet uv
COPY pyproject.toml uv.lock README.md LICENSE ./
COPY src src
ENV UV_PROJECT_ENVIRONMENT=/opt/raftwerk UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never
RUN /opt/uv/bin/uv sync --locked --no-dev --no-editable --python python3

FROM ${PYTHON}
COPY --from=build /opt/raftwerk /opt/raftwerk
RUN mkdir /data && chown 10001:10001 /data
ENV PATH=/opt/raftwerk/bin:$PATH \
    RAFTWERK_DATA_DIR=/data/node.raftwerk \
    RAFTWERK_LISTEN_CLIENT_URLS=http://0.0.0.0:2379 \
    RAFTWERK_LISTEN_PEER_URLS=http://0.0.0.0:2380
USER 10001:10001
VOLUME /data
EXPOSE 2379 2380
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen as u; u('http://127.0.0.1:2379/readyz', timeout=2)"]
ENTRYPOINT ["raftwerk"]
CMD ["serve"]
