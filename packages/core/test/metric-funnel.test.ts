import { describe, it } from "@effect/vitest"
import { layerMemoryWarehouse } from "@millrace/core/memory"
import { funnelLaws } from "../../testing/src/funnelLaws.ts"
import { Effect } from "effect"

describe("the funnel's reference", () => {
  funnelLaws((title, body, timeoutMillis) =>
    it.live(title, () => Effect.provide(body, layerMemoryWarehouse), timeoutMillis)
  )
})
