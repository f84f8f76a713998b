import type { Options } from "../core/types.ts"

export interface PortableOptions extends Options {
  /** Whose events these are where `track` does not say. Default: an anonymous id per client. */
  readonly userId?: string | number
  /**
   * The platform's own, like `(delivery) => context.waitUntil(delivery)`: told to wait for each delivery, which then starts
   * at once. Without it, `await client.flush()` before the answer.
   */
  readonly waitUntil?: (delivery: Promise<unknown>) => void
}
