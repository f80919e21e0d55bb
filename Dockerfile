FROM python:3.12-slim AS build
WORKDIR /src
RUN pip install --no-cache-dir uv==0.13.9
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-dev --no-install-project
COPY adapters adapters
COPY bot bot
COPY policies policies
COPY prompts prompts
COPY storage storage
RUN uv sync --frozen --no-dev --no-editable

FROM python:3.12-slim
RUN useradd --system --create-home --home-dir /data socrate
COPY --from=build /src/.venv /src/.venv
ENV PATH=/src/.venv/bin:$PATH
USER socrate
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
CMD ["socrate", "run"]
