import { Effect } from "effect"
import type { Connection } from "../client.ts"
import type { Erasures } from "../erasures.ts"

/** The latest instant up to which this process has told that all is loaded. */
export interface Told {
  as_of: number
}

const COME_TO = { text: "SELECT as_of, (SELECT coalesce(max(n), 0) FROM erasures) AS erasures FROM watermark" }

/**
 * What a replica answers; undefined where it has not come as far as what was told here, or does not know yet of somebody
 * who was erased. It only ever comes further, so what is asked after the look is no earlier.
 */
export const readReplica = Effect.fnUntraced(function* (
  reader: Connection,
  { erasures, told }: { readonly erasures: Erasures; readonly told: Told },
  ask: ReturnType<Connection["rows"]>
) {
  const [row] = yield* reader.rows(COME_TO)
  const isBehind = Number(row?.["as_of"]) < told.as_of || Number(row?.["erasures"]) < erasures.upTo()
  return isBehind ? undefined : yield* ask
})
