# Built from the top of the repository: docker build --file deploy/docker/query-service.Dockerfile --tag query-service .

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# Downloaded crates and the target folder outlive the build, for both services: only what changed is compiled again.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/src/target,sharing=locked \
    CARGO_PROFILE_RELEASE_STRIP=debuginfo cargo build --release --locked --package query-service \
    && install -D target/release/query-service /out/query-service

FROM debian:bookworm-slim
# What the binary links. Not pinned: a rebuild takes in the distribution's security updates.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates libgcc-s1 libssl3 zlib1g \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/query-service /usr/local/bin/
COPY deploy/docker/http-ok /usr/local/bin/
# A number, so that Kubernetes can tell that it is not root.
USER 10001:10001
ENV QUERY_SERVICE__HTTP__HOST=0.0.0.0
EXPOSE 8081
# Every role serves it on the port of its API.
HEALTHCHECK --interval=10s --timeout=4s --start-period=30s CMD ["http-ok", "8081", "/health/ready"]
ENTRYPOINT ["query-service"]
CMD ["all"]
