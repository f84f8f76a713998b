# syntax=docker/dockerfile:1
FROM node:24-bookworm-slim AS build
WORKDIR /src
RUN npm install --global pnpm@11.28.11
COPY . .
RUN --mount=type=cache,id=pnpm,target=/root/.local/share/pnpm/store pnpm install --frozen-lockfile \
  && pnpm exec turbo build --filter=@millrace/image^... \
  && pnpm --filter=@millrace/image deploy --prod --legacy /app

FROM node:24-bookworm-slim
ENV NODE_ENV=production MILLRACE_HOST=0.0.0.0 MILLRACE_PORT=4000 MILLRACE_DATA=/data/millrace
COPY --from=build --chown=root:root /app /app
# A new volume takes over its folder's owner; nothing else is ever written. The data folder lies below its volume, since a restore
# makes a folder beside it and renames that; MILLRACE_BACKUP_DIR=/backups wants a volume of its own.
RUN install --directory --owner=node --group=node /data /backups \
  && ln --symbolic /app/node_modules/millrace/dist/main.js /usr/local/bin/millrace
# A number: Kubernetes tells by it that this is not root.
USER 1000:1000
WORKDIR /data
VOLUME /data
EXPOSE 4000
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=6 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.MILLRACE_PORT}/readyz`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Not through npm or a shell: SIGTERM must reach the process.
ENTRYPOINT ["node", "/app/node_modules/millrace/dist/main.js"]
CMD ["serve"]
