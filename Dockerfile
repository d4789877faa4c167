# The image that compose.yaml runs. Not built by our tests: their machine has no container engine.
# FFmpeg's libraries are Debian's, so both stages stand on the same release.
FROM rust:1.95-bookworm AS build
WORKDIR /vitrine
COPY scripts/install scripts/install
RUN scripts/install build && rm -rf /var/lib/apt/lists/*
COPY . .
RUN cargo build --release --locked --bin vitrine

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        ca-certificates curl \
        libavcodec59 libavfilter8 libavformat59 libavutil57 libswresample4 libswscale6 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /var/lib/vitrine vitrine \
    && install -d -o vitrine -g vitrine /var/lib/vitrine/data /var/lib/vitrine/keys
COPY --from=build /vitrine/target/release/vitrine /usr/local/bin/vitrine
USER vitrine
WORKDIR /var/lib/vitrine
EXPOSE 8080
ENTRYPOINT ["vitrine"]
CMD ["serve", "--data", "/var/lib/vitrine/data", "--listen", "0.0.0.0:8080"]
