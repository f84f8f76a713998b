/**
 * One judged event, as every stage behind the queue sees it.
 *
 * Times are UTC microseconds since the epoch; the latest accepted year (2100) is 4.1e15, inside the
 * exact range of a double. `properties` stays JSON text from acceptance to the stores, so that no stage
 * parses or re-prints it.
 */
export interface Event {
  readonly project_id: string
  /** Lower-case UUID; identity is `(project_id, event_id)`. */
  readonly event_id: string
  readonly occurred_at: number
  readonly user_id: string
  readonly event_type: string
  /** A JSON object, as text. */
  readonly properties: string
  readonly received_at: number
  /** What was added to the client's `occurred_at`; 0 unless `sent_at` showed a wrong clock. */
  readonly skew_micros: number
}

/** Counts by project: what ledgers and reports speak in. */
export type ByProject = Readonly<Record<string, number>>
