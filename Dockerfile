# The TEE's file system, by the same script and from the same packages as `make appdir`, so that both give
# the same files. What is in the last stage has no C library and no shell: Mystikos runs it, docker does not.
#
#   docker build -t confml .                           the file system (`--output appdir/root`: as a folder)
#   docker build --target plain -t confml:local .      the same server on plain Node, in no TEE
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

# For a cluster without SGX (deploy/overlays/local): nothing in it is confidential.
FROM build AS plain-packages
RUN npm prune --omit=dev --no-audit --no-fund \
 && rm -rf node_modules/onnxruntime-node/bin/napi-v6/darwin node_modules/onnxruntime-node/bin/napi-v6/win32

FROM debian:trixie-slim AS plain
RUN apt-get update \
 && apt-get install -y --no-install-recommends nodejs \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=plain-packages /build/node_modules ./node_modules
COPY --from=build /rootfs/app/dist ./dist
COPY --from=build /rootfs/app/package.json /rootfs/app/config.json /rootfs/app/model.json ./
ENV NODE_ENV=production
USER 10001:10001
EXPOSE 8000
CMD ["node", "--disable-wasm-trap-handler", "/app/dist/main.js", "--config", "/app/config.json"]

FROM scratch
COPY --from=build /rootfs/ /
