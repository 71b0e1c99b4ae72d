# The server on plain Node, as a first version of the image: nothing in it is confidential yet. Debian
# trixie's own Node, because Mystikos loads that one (position-independent) and not the official builds.
FROM debian:trixie-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates make nodejs npm \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json ./
COPY src ./src
RUN node_modules/.bin/tsc -p tsconfig.json && rm -rf dist/cli \
 && npm prune --omit=dev --no-audit --no-fund \
 && rm -rf node_modules/onnxruntime-node/bin/napi-v6/darwin node_modules/onnxruntime-node/bin/napi-v6/win32

FROM debian:trixie-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends nodejs \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /build/package.json ./
COPY --from=build /build/node_modules ./node_modules
COPY --from=build /build/dist ./dist
COPY config.json ./
COPY models/demo/model.json ./model.json
# The key files' paths of config.json are at the root, which only root may write.
ENV NODE_ENV=production
EXPOSE 8000
CMD ["node", "--disable-wasm-trap-handler", "/app/dist/main.js", "--config", "/app/config.json"]
