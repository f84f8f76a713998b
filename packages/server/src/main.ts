#!/usr/bin/env node
// First of all; see there.
// oxlint-disable-next-line import/no-unassigned-import
import "./jit.ts"
import { Effect } from "effect"
import { serverConfig } from "./config.ts"
import { parseKeys } from "./keys/configuredKeys.ts"
import { otlpTraces } from "./observe/otlp.ts"
import { runMain } from "./runMain.ts"
import { serve } from "./serve.ts"

runMain(
  Effect.gen(function* () {
    const config = yield* serverConfig
    const keys = yield* Effect.try({ try: () => parseKeys(config.keys), catch: (error) => error })
    return yield* serve({ ...config, keys })
  }).pipe(Effect.provide(otlpTraces))
)
