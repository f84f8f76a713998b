#!/usr/bin/env node
// First of all; see there.
// oxlint-disable-next-line import/no-unassigned-import
import "./process/jit.ts"
import { Console, Context, Effect } from "effect"
import { HttpServer } from "effect/http"
import { serverConfig } from "./config.ts"
import { parseKeys } from "./keys/configuredKeys.ts"
import { Access } from "./auth/Access.ts"
import { launch } from "./process/launch.ts"
import { otlpTraces } from "./observe/traces.ts"
import { runMain } from "./process/runMain.ts"
import { aboutServer } from "./Server.ts"

runMain(
  Effect.gen(function* () {
    const config = yield* serverConfig
    const keys = yield* Effect.try({ try: () => parseKeys(config.keys), catch: (error) => error })
    const options = { ...config, keys }
    return yield* launch(options, (started) => {
      const { address } = Context.get(started, HttpServer.HttpServer)
      const about = aboutServer(options, Context.get(started, Access))
      return Console.log(`millrace listening on ${HttpServer.formatAddress(address)} (${about})`)
    })
  }).pipe(Effect.provide(otlpTraces))
)
