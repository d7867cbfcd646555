# The build stage has the Swift toolchain; `pages` fetches Swagger UI; the image that runs is a small Debian with the C libraries.
FROM swift:6.3-bookworm AS build
# Debian keeps only the newest version of a package, so a pinned one could not be installed for long.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libpq-dev libargon2-dev libhiredis-dev librabbitmq-dev libc-ares-dev zlib1g-dev pkg-config && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Package.swift ./
COPY Sources Sources
COPY Tests Tests
RUN swift build -c release --explicit-target-dependency-import-check error --product annals --static-swift-stdlib && strip .build/release/annals

FROM debian:bookworm-slim AS pages
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY bin/.prepare bin/
COPY web web
RUN bash -c 'source bin/.prepare && fetch_swagger_ui'

FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libpq5 libargon2-1 libhiredis0.14 librabbitmq4 libc-ares2 ca-certificates && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 annals && useradd --uid 10001 --gid annals --no-create-home --home-dir /var/lib/annals annals \
    && install -d -o annals -g annals -m 711 /var/lib/annals/data && install -d -o annals -g annals -m 700 /var/lib/annals/data/keys
COPY --from=build /src/.build/release/annals /usr/bin/annals
COPY deploy/annals-from-environment /usr/bin/annals-from-environment
COPY migrations /usr/share/annals/migrations
COPY projections /usr/share/annals/projections
COPY openapi /usr/share/annals/openapi
COPY --from=pages /src/web /usr/share/annals/web
# By number, so that Kubernetes sees that it is not root.
USER 10001:10001
WORKDIR /var/lib/annals
ENV ANNALS_HOST=0.0.0.0 ANNALS_DATA_DIR=/var/lib/annals/data
# The keys. Nothing else is written, so the rest may be mounted read-only.
VOLUME /var/lib/annals/data
EXPOSE 3000
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s CMD ["annals", "health"]
ENTRYPOINT ["annals"]
CMD ["up"]
