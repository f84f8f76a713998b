import type { Options } from "../core/types.ts"

export interface NodeOptions extends Options {
  /** Whose events these are where `track` does not say. Default: an anonymous id per process. */
  readonly userId?: string | number
  /** A folder that keeps the queue over kills and restarts. Processes may share it; each adopts what dead ones left. */
  readonly queueFolder?: string
  /** How long the end of the process may wait for the last events, at most. Default 5,000. */
  readonly exitTimeoutMillis?: number
  /** Deliver on SIGTERM, SIGINT and SIGHUP where nobody else listens to them, then let them act. Default true. */
  readonly handleSignals?: boolean
  /** Of a serverless platform: told to wait for each delivery, which then starts at once. */
  readonly waitUntil?: (delivery: Promise<unknown>) => void
}
