import type { ActivityQuestion, AggregateStatus, RawRow, WarehouseError } from "@millrace/core"
import { Effect, Exit, type Scope, Semaphore } from "effect"
import type { Connection } from "../client.ts"
import type { DriverFailure, Operation } from "../errors.ts"
import { answerFromSets, type SetReader } from "./answerFromSets.ts"
import { type RecordedPage, recordPage } from "./recordPage.ts"
import { onePerKey } from "./onePerKey.ts"
import { SetStore } from "./SetStore.ts"

export type Lend = <A>(
  operation: Operation,
  use: (reader: Connection) => Effect.Effect<A, DriverFailure>
) => Effect.Effect<A, WarehouseError>

/** The aggregates of one warehouse: what is recorded in its tables, and the sets in memory that answers come from. */
export class Activities {
  readonly #reader: SetReader<WarehouseError>
  readonly #writer: Connection
  readonly #isShared: () => boolean
  #state: AggregateStatus["state"]
  #answered = 0
  #passed = 0
  #checks = 0
  #mismatches: number

  constructor(options: {
    readonly state: AggregateStatus["state"]
    readonly maxBytes: number
    readonly onChange: () => void
    readonly writer: Connection
    readonly ask: Lend
    readonly isShared: () => boolean
  }) {
    this.#state = options.state
    // Found by an earlier process, and still so.
    this.#mismatches = options.state === "mismatched" ? 1 : 0
    this.#isShared = options.isShared
    this.#writer = options.writer
    this.#reader = {
      store: new SetStore(options.maxBytes, options.onChange),
      gate: Semaphore.makeUnsafe(1),
      reading: onePerKey(),
      turns: Semaphore.makeUnsafe(1),
      ask: (use) => options.ask("answer", use)
    }
  }

  get reader(): SetReader<WarehouseError> {
    return this.#reader
  }

  get state(): AggregateStatus["state"] {
    return this.#state
  }

  get status(): AggregateStatus {
    return {
      state: this.#state,
      answered: this.#answered,
      passed: this.#passed,
      checks: this.#checks,
      mismatches: this.#mismatches
    }
  }

  /** Whether questions may be asked of sets now; a file that two layers have open changes under the sets of each. */
  get usable(): boolean {
    return this.#state === "ready" && !this.#isShared()
  }

  /** Raw rows; undefined where the events have to be asked. */
  readonly answer = (
    project_id: string,
    question: ActivityQuestion
  ): Effect.Effect<ReadonlyArray<RawRow> | undefined> =>
    Effect.suspend(() =>
      this.usable ? answerFromSets(this.#reader, project_id, question) : Effect.succeed(undefined)
    ).pipe(
      Effect.map((rows) => (this.usable ? rows : undefined)),
      // What fails here may well succeed from the events, which spill to disk.
      Effect.catch((error) => Effect.as(Effect.logWarning("aggregates could not be read", error), undefined)),
      Effect.tap((rows) => Effect.sync(() => void (rows === undefined ? this.#passed++ : this.#answered++)))
    )

  /** Inside a page's transaction; the scope ends after its commit, or its failure. */
  readonly record = (page: RecordedPage): Effect.Effect<void, DriverFailure, Scope.Scope> =>
    Effect.gen({ self: this }, function* () {
      if (this.#state === "off") return
      yield* this.#reader.gate.takeScoped(1)
      yield* Effect.addFinalizer((exit) => Effect.sync(() => (Exit.isSuccess(exit) ? undefined : this.forget())))
      yield* recordPage(this.#writer, this.#reader.store, page)
    })

  /** Around a transaction that changes what is recorded in another way. */
  readonly whileWriting = <A, E>(write: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    this.#reader.gate.withPermit(Effect.onError(write, () => Effect.sync(() => this.forget())))

  readonly forget = (project_id?: string): void => this.#reader.store.forget(project_id)

  /** From the next question on. What was read in another state is not to be used in this. */
  enter(state: AggregateStatus["state"]): void {
    this.#state = state
    this.forget()
  }

  checked(agreed: boolean): void {
    this.#checks++
    if (!agreed) this.#mismatches++
  }
}

/** As the file has it. */
export const readState = (connection: Connection): Effect.Effect<AggregateStatus["state"], DriverFailure> =>
  Effect.map(
    connection.rows("SELECT pending_from IS NULL AS whole, trusted FROM activity_state"),
    ([row]): AggregateStatus["state"] =>
      row?.["trusted"] !== true ? "mismatched" : row["whole"] === true ? "ready" : "building"
  )
