import type { PlantedBug } from "@millrace/test-services"

const LOG = "packages/adapters/embedded/src/log"
const EMBEDDED = "packages/adapters/embedded/src"

/** Bugs that no kill -9 can show, and some that it can. */
export const mutants: ReadonlyArray<PlantedBug> = [
  {
    name: "no fsync before the 202",
    file: `${LOG}/SegmentLog.ts`,
    search: "await this.#writer.sync()",
    replace: ""
  },
  {
    name: "checkpoint replaced without sync",
    file: `${LOG}/atomicFile.ts`,
    search: "await file.sync()",
    replace: ""
  },
  {
    name: "checkpoint replaced without a sync of its folder",
    file: `${LOG}/atomicFile.ts`,
    search: "await files.syncDirectory(dirname(path))",
    replace: ""
  },
  {
    name: "no folder sync on a roll",
    file: `${LOG}/SegmentWriter.ts`,
    search: "await this.#options.files.syncDirectory(this.#options.directory)",
    replace: ""
  },
  {
    name: "spare without sync",
    file: `${LOG}/createSegment.ts`,
    search: "    await file.datasync()\n    return allotted",
    replace: "    return allotted"
  },
  {
    name: "recovery that delivers what is not synced",
    file: `${LOG}/startSegments.ts`,
    search: "if (!marked) await writeAgain(file, last)\n    await file.datasync()\n",
    replace: "if (!marked) await writeAgain(file, last)\n"
  },
  {
    name: "recovery that trusts a sync after one that failed",
    file: `${LOG}/startSegments.ts`,
    search: "if (!marked) await writeAgain(file, last)",
    replace: ""
  },
  {
    name: "torn tail not zeroed",
    file: `${LOG}/startSegments.ts`,
    search: "if (torn) await zero(file, segment, last)",
    replace: ""
  },
  {
    name: "a segment goes on behind the name of the next one",
    file: `${LOG}/SegmentWriter.ts`,
    search: "await this.#options.files.syncDirectory(this.#options.directory)",
    replace: `await this.#options.files.syncDirectory(this.#options.directory).catch((cause: unknown) => {
      throw new DiskFull({ file: full.path, cause })
    })`
  },
  {
    name: "folders whose names are not synced",
    file: `${LOG}/makeFolder.ts`,
    search: "await files.syncDirectory(dirname(folder))",
    replace: ""
  },
  {
    name: "what was dropped comes back with the power",
    file: `${LOG}/Dropped.ts`,
    search: "await this.#files.syncDirectory(this.#directory)",
    replace: ""
  },
  {
    name: "segments deleted before the note",
    file: `${EMBEDDED}/EmbeddedLog.ts`,
    search: "    await this.save()\n    for (let from",
    replace: "    for (let from"
  },
  {
    name: "sums lowered at start",
    file: `${EMBEDDED}/state/Sums.ts`,
    search: "this.accepted = new Tally(known.accepted)",
    replace: "this.accepted = new Tally([])"
  },
  {
    name: "keys acknowledged without sync",
    file: `${EMBEDDED}/keys/RecordFile.ts`,
    search: "await file.sync()",
    replace: ""
  },
  {
    name: "keys that trust a sync after one that failed",
    file: `${EMBEDDED}/keys/RecordFile.ts`,
    search: "await this.#writeAgain(size)",
    replace: ""
  },
  {
    name: "an erasure that leaves what was refused",
    file: `${LOG}/SegmentLog.ts`,
    search: " || this.#writer.isTainted",
    replace: ""
  },
  {
    name: "an erasure that a crash cut short is not taken up again",
    file: `${EMBEDDED}/state/ErasureFile.ts`,
    search: "new Tombstones(keyedHash(bytes), tombstones)",
    replace: "new Tombstones(keyedHash(bytes))"
  },
  {
    name: "ack before insert",
    file: "packages/core/src/flow/drain.ts",
    search: "queue.take({ ...options, exhausted })",
    replace: "Effect.scoped(queue.take({ ...options, exhausted }))"
  },
  {
    name: "a cursor given before what it covers is durable",
    file: `${EMBEDDED}/store.ts`,
    search: "  await log.save(at)\n",
    replace: ""
  },
  {
    name: "a load that cannot go on asks without a pause",
    file: "packages/core/src/flow/Pipeline.ts",
    search: "report.advanced && !report.caughtUp",
    replace: "!report.caughtUp"
  }
]
