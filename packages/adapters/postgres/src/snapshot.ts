import type { InFlight } from "@millrace/core"

const PREFIX = "after/"

/** Where publishing is committing, the ledger leaves out what was committed after its counts were read. */
export const after = (snapshot: string): InFlight => ({
  log: `${PREFIX}${snapshot}`,
  positions: [],
  letters: snapshot
})

/** The snapshot of {@link after}; null for the messages of a queue. */
export const snapshotOf = ({ log }: InFlight): string | null =>
  log.startsWith(PREFIX) ? log.slice(PREFIX.length) : null
