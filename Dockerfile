# One image, three commands: serve, worker, migrate.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/hdeu \
 && /opt/hdeu/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY broker broker
COPY adapters adapters
COPY schemas schemas
COPY config config
RUN /opt/hdeu/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
LABEL org.opencontainers.image.title="hdeu-broker" \
      org.opencontainers.image.licenses="EUPL-1.2"
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/hdeu hdeu
COPY --from=build /opt/hdeu /opt/hdeu
ENV PATH=/opt/hdeu/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HDEU_DATA_DIR=/var/lib/hdeu \
    HDEU_API__HOST=0.0.0.0 \
    HDEU_OPS__HOST=0.0.0.0
USER 10001
VOLUME /var/lib/hdeu
EXPOSE 8080 8081
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8081/healthz', timeout=2)"]
ENTRYPOINT ["hdeu"]
CMD ["serve"]
