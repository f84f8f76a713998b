import { layer } from "./queue.ts"
import { restorer } from "./backup.ts"

export { NatsOptions } from "./config.ts"
export { NotConnected, StreamRefused } from "./errors.ts"

/**
 * `Nats.layer({ servers })`: the queue, shared by any number of processes. `Nats.restorer({ servers })` puts back what was
 * copied from one.
 */
export const Nats = { layer, restorer }
