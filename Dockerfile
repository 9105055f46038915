# What `openlpm serve` needs and nothing else; docs/serving.md says how to build and run it.
FROM python:3.12-slim-bookworm AS build

# Where torch comes from. Empty: the usual index, whose build for Linux on x86-64 brings CUDA and gigabytes. For an
# image that has a processor only, give the index that pytorch.org names for CPU builds.
ARG TORCH_INDEX=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

RUN python -m venv /venv
WORKDIR /source
COPY pyproject.toml ./
# First, because it is large and changes seldom. The version is the one that the package asks for.
RUN torch="$(python -c 'import tomllib; print(next(each for each in tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"] if each.startswith("torch==")))')" \
    && if [ -n "$TORCH_INDEX" ]; then /venv/bin/pip install --index-url "$TORCH_INDEX" "$torch"; \
       else /venv/bin/pip install "$torch"; fi
COPY README.md LICENSE ./
COPY src src
RUN /venv/bin/pip install ".[live]"


FROM python:3.12-slim-bookworm

RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin openlpm
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
EXPOSE 8080
# Whether the process lives; whether it has room is /ready, which a balancer asks.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health', timeout=4)"]
ENTRYPOINT ["openlpm"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080", "--public", "--json-logs"]
