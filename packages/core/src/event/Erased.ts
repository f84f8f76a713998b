/** Where events of a user may lie. */
export type ErasurePlace = "queue" | "dead_letters" | "store" | "warehouse"

/** What an erasure took out of one place. */
export interface Erased {
  readonly place: ErasurePlace
  readonly events: number
  /** Bytes of what has left the place may still lie in a file of it: erase again later. */
  readonly pending?: boolean
}
