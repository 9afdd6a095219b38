# The story and the page for your own puzzles, as a small web server: docker compose up, then http://127.0.0.1:8765/
# The default torch brings gigabytes of GPU code that no page needs; an index without it:
#   docker compose build --build-arg PIP_OPTIONS="--extra-index-url URL"
FROM python:3.12-slim AS pages
ARG PIP_OPTIONS=""
WORKDIR /takeback
COPY . .
RUN pip install --no-cache-dir $PIP_OPTIONS -c requirements.lock '.[onnx]'
RUN takeback site --out /pages/index.html

FROM python:3.12-slim
COPY --from=pages /pages /pages
USER nobody
EXPOSE 8765
CMD ["python", "-m", "http.server", "8765", "--directory", "/pages"]
