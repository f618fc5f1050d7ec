# The worker as an image; docker-compose.yml runs it beside a broker.
FROM python:3.11-slim

WORKDIR /app
COPY requirements.lock ./
RUN python -m pip install --no-cache-dir --require-hashes -r requirements.lock

COPY pyproject.toml setup.py README.md LICENSE ./
COPY pipeline ./pipeline
COPY schemas ./schemas
COPY checks ./checks
RUN python -m pip install --no-cache-dir --no-deps .

# a volume mounted here takes over this owner
RUN useradd --create-home firsthand && install --directory --owner=firsthand /data
USER firsthand
WORKDIR /data

ENTRYPOINT ["firsthand"]
CMD ["--help"]
