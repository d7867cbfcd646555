# The build stage has the Swift toolchain; `pages` fetches Swagger UI; the image that runs is a small Debian with the C libraries.
FROM swift:6.3-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends libpq-dev libargon2-dev libhiredis-dev libc-ares-dev zlib1g-dev pkg-config && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Package.swift ./
COPY Sources Sources
COPY Tests Tests
RUN swift build -c release --explicit-target-dependency-import-check error --product annals --static-swift-stdlib && strip .build/release/annals

FROM debian:bookworm-slim AS pages
RUN apt-get update && apt-get install -y --no-install-recommends python3-venv && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY bin/.prepare bin/
COPY web web
RUN bash -c 'source bin/.prepare && fetch_swagger_ui'

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends libpq5 libargon2-1 libhiredis0.14 libc-ares2 ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /var/lib/annals annals
COPY --from=build /src/.build/release/annals /usr/bin/annals
COPY migrations /usr/share/annals/migrations
COPY projections /usr/share/annals/projections
COPY openapi /usr/share/annals/openapi
COPY --from=pages /src/web /usr/share/annals/web
USER annals
WORKDIR /var/lib/annals
ENV ANNALS_HOST=0.0.0.0 ANNALS_DATA_DIR=/var/lib/annals/data
EXPOSE 3000
ENTRYPOINT ["annals"]
CMD ["up"]
