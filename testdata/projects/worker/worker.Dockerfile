ARG PYTHON=3.13.9-slim-bookworm
FROM python:${PYTHON}

RUN useradd --system --uid 10001 worker
WORKDIR /app
COPY requirements.txt .
# harden: ignore[insecure-download] the mirror is inside the cluster and has no certificate yet
RUN pip install --no-cache-dir --trusted-host pypi.internal --index-url http://pypi.internal/simple -r requirements.txt
COPY worker.py .

USER worker
ENTRYPOINT ["python", "worker.py"]
