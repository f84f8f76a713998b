/** Of the newest records: traces end minutes after they began, and are not worth a place on the disk. */
const TRACED_RECORDS = 10_000

/** Which spans published a record. */
export class Traces {
  readonly #byPosition = new Map<number, ReadonlyArray<string>>()

  keep(position: number, traces: ReadonlyArray<string>): void {
    if (traces.length === 0) return
    this.#byPosition.set(position, traces)
    if (this.#byPosition.size > TRACED_RECORDS) this.#byPosition.delete(this.#byPosition.keys().next().value!)
  }

  of(position: number): ReadonlyArray<string> {
    return this.#byPosition.get(position) ?? []
  }
}
