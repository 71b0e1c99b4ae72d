# The TEE's file system, by the same script and from the same packages as `make appdir`, so that both give
# the same files. What is in the last stage has no C library and no shell: Mystikos runs it, docker does not.
#
#   docker build -t confml .                           the file system (`--output appdir/root`: as a folder)
#   docker build --target demo -t confml:local .       `make serve`: plain Node, emulated services
FROM debian:trixie-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates nodejs npm \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY . .
# The configuration and the manifest that go in, and a folder of an owner's libraries, all of them paths here.
ARG CONFIG=config.json
ARG MANIFEST=models/demo/model.json
ARG EXTRA_LIBS=
RUN scripts/appdir.sh /rootfs

# `make serve` for a cluster without SGX (deploy/overlays/local): emulated services, nothing confidential.
FROM debian:trixie-slim AS demo
RUN apt-get update \
 && apt-get install -y --no-install-recommends nodejs \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /confml
COPY --from=build /build ./
RUN scripts/compile.sh dist && node_modules/.bin/tsc -p tsconfig.tools.json && install -d -o 10001 -g 10001 .demo
ENV NODE_ENV=production
USER 10001:10001
EXPOSE 8000 9464
CMD ["node", "build/scripts/demo/serve.js", "--host", "0.0.0.0", "--port", "8000"]

FROM scratch
COPY --from=build /rootfs/ /
