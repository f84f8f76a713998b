/** Options: where the warehouse lives and how much of the machine it may take. */
export interface DuckDbOptions {
  /** The database file; made when absent. `:memory:` for one that is gone when the layer closes. */
  readonly path: string
  /** For spilled queries and pages being loaded; default: `<path>.tmp`, or the system's for `:memory:`. */
  readonly temporaryDirectory?: string
  /** Default: one per core. */
  readonly threads?: number
  readonly memoryLimitMegabytes?: number
  /** What queries may spill to disk. */
  readonly spillLimitMegabytes?: number
  /** Queries run on libuv's four pool threads, which files and DNS need as well. */
  readonly concurrentQueries?: number
  /** A question that runs for longer is heavy: while others wait, one turn is kept from those. */
  readonly sliceMillis?: number
  /** Questions that wait; of more, the newest of whoever has the most is refused. */
  readonly waitingQueries?: number
  /** How long one waits. */
  readonly queryWaitMillis?: number
  /** How long one runs, once it has its turn. */
  readonly queryTimeoutMillis?: number
  /** Answers that are kept until the next write; 0 for none. */
  readonly keptAnswers?: number
  /** How many properties get a column of their own, those that are asked for most; 0 for none. */
  readonly hotProperties?: number
  /** After how many questions, since the warehouse was opened, a property gets one. */
  readonly hotAfterQuestions?: number
  /**
   * What the sets of active users may take in memory; 0: none are kept, nor recorded, and every question is asked of
   * the events.
   */
  readonly activityMegabytes?: number
  /**
   * Pause between comparisons of such sets with the events; 0 for none. Longer where they take long: at most 2 % of the
   * time.
   */
  readonly selfCheckIntervalMillis?: number
}

export const defaults = {
  memoryLimitMegabytes: 1_024,
  spillLimitMegabytes: 16_384,
  concurrentQueries: 2,
  sliceMillis: 1_000,
  waitingQueries: 128,
  queryWaitMillis: 30_000,
  queryTimeoutMillis: 60_000,
  keptAnswers: 200,
  hotProperties: 16,
  hotAfterQuestions: 3,
  activityMegabytes: 128,
  selfCheckIntervalMillis: 600_000
} satisfies Partial<DuckDbOptions>
