import { randomUUID } from "node:crypto"
import { join } from "node:path"
import { type Files, nodeFiles } from "@millrace/core/node"
import { copySegments } from "./copyPart.ts"
import { SPARE_NAME } from "./createSegment.ts"
import { Dropped } from "./Dropped.ts"
import type { Append, Rest, Settle } from "./encodeGroup.ts"
import {
  AppendTooLarge,
  type AppendError,
  brokenBy,
  DiskFull,
  LogBroken,
  LogClosed,
  LogFull,
  WriteFailed
} from "./errors.ts"
import { type Inspection, inspectSegments } from "./inspectSegments.ts"
import { idBytes, makeKey } from "./LogKey.ts"
import { makeFolder } from "./makeFolder.ts"
import { type LogRecord, MAX_PAYLOAD_BYTES, RECORD_HEADER_BYTES } from "./record.ts"
import { Tail } from "./Tail.ts"
import { findDue, type Rewrite, rewriteSegment } from "./rewriteSegment.ts"
import type { Segment } from "./Segment.ts"
import type { SegmentLogOptions } from "./SegmentLogOptions.ts"
import { SegmentWriter } from "./SegmentWriter.ts"
import { forgetCuts, startSegments } from "./startSegments.ts"

const GROUP_BYTES = 4 << 20
const READ_BYTES = 1 << 20
/** About a second of full ingest. */
const TAIL_BYTES = 32 << 20

/**
 * A durable sequence of records in numbered segment files, numbered from 1 without gaps.
 *
 * All appends that wait while the disk is busy become the next group: one write, one fdatasync. An append of
 * several payloads is in the log whole or not at all. A full disk refuses, and is tried again by the next append; after a
 * failed sync nothing is written any more.
 */
export class SegmentLog {
  readonly #options: SegmentLogOptions
  readonly #files: Files
  readonly #dropped: Dropped
  readonly #segments: Array<Segment>
  readonly #writer: SegmentWriter
  #pending: Array<Append> = []
  #pendingBytes = 0
  #bytes = 0
  readonly #tail = new Tail(TAIL_BYTES)
  #resting: Array<Rest> = []
  #running: Promise<void> | undefined
  #stopped: LogClosed | LogBroken | undefined
  /** Told how long each group waited for the disk. */
  onSync: (seconds: number) => void = () => undefined
  /** Told once, when nothing can be written any more. */
  onBroken: (broken: LogBroken) => void = () => undefined

  private constructor(options: SegmentLogOptions, segments: Array<Segment>, writer: SegmentWriter) {
    this.#options = options
    this.#files = options.files ?? nodeFiles
    this.#dropped = new Dropped(this.#files, options.directory)
    this.#segments = segments
    this.#writer = writer
    this.#measure()
  }

  /** Reads all of it, and changes nothing. Rejects with `CorruptLog` on damage that no crash explains. */
  static inspect(options: SegmentLogOptions): Promise<Inspection> {
    const { files = nodeFiles, droppedUpTo = 0, onRecord = () => undefined } = options
    return inspectSegments({ ...options, files, droppedUpTo, onRecord })
  }

  /** Goes on with what was just inspected. The directory must be locked by the caller. */
  static async start(options: SegmentLogOptions, inspected: Inspection): Promise<SegmentLog> {
    const { files = nodeFiles, id = randomUUID() } = options
    await makeFolder(files, options.directory)
    const place = { ...options, files, key: inspected.key ?? makeKey(idBytes(id)) }
    const { active, segments } = await startSegments(place, inspected)
    return new SegmentLog(options, segments, new SegmentWriter(place, segments, active))
  }

  static async open(options: SegmentLogOptions): Promise<SegmentLog> {
    return SegmentLog.start(options, await SegmentLog.inspect(options))
  }

  get first(): number {
    return this.#segments[0]!.first
  }

  /** Of the last durable record; `first - 1` when there is none. */
  get last(): number {
    return this.#segments.at(-1)!.next - 1
  }

  get bytes(): number {
    return this.#bytes
  }

  #measure(): void {
    this.#bytes = this.#segments.reduce((sum, { endBytes }) => sum + endBytes, 0)
  }

  /** Why nothing can be written any more. */
  get broken(): LogBroken | undefined {
    return this.#stopped instanceof LogBroken ? this.#stopped : undefined
  }

  /** Never throws; `settle` may be called before it returns. At least one payload, none of them empty. */
  append(payloads: ReadonlyArray<Uint8Array>, settle: Settle, flags = 0): void {
    let bytes = 0
    for (const payload of payloads) bytes += RECORD_HEADER_BYTES + payload.length
    const refusal = this.#stopped ?? this.#refusal(bytes)
    if (refusal !== undefined) return settle(refusal, 0)
    this.#pending.push({ payloads, flags, bytes, settle })
    this.#pendingBytes += bytes
    this.#running ??= this.#run()
  }

  #refusal(bytes: number): AppendError | undefined {
    const { maxBytes, maxPendingBytes } = this.#options
    if (bytes > MAX_PAYLOAD_BYTES) return new AppendTooLarge({ bytes, limitBytes: MAX_PAYLOAD_BYTES })
    // One append may pass the bound when it is alone, or it could never be written.
    if (this.#pendingBytes > 0 && this.#pendingBytes + bytes > maxPendingBytes) {
      return new LogFull({ bound: "maxPendingBytes", limitBytes: maxPendingBytes })
    }
    if (this.#bytes + this.#pendingBytes + bytes > maxBytes)
      return new LogFull({ bound: "maxBytes", limitBytes: maxBytes })
    return undefined
  }

  async #run(): Promise<void> {
    // Everyone who appends in this turn of the event loop shares the first group.
    await new Promise(setImmediate)
    do {
      while (this.#pending.length > 0 || this.#resting.length > 0) {
        await this.#rest()
        if (this.broken === undefined && this.#pending.length > 0) await this.#commit(this.#takeGroup())
        if (this.broken !== undefined) return
        // Lets those who were just answered append again before the next group is cut.
        await new Promise(setImmediate)
      }
      await this.#writer.mark().catch((cause: unknown) => this.#fail([], cause))
      if (this.broken !== undefined) return
      this.#measure()
    } while (this.#pending.length > 0 || this.#resting.length > 0)
    this.#running = undefined
  }

  async #rest(): Promise<void> {
    const rest = this.#resting[0]
    if (rest === undefined || (rest.after !== undefined && this.#pending.includes(rest.after))) return
    this.#resting.shift()
    await rest.task().then(() => rest.settle(), rest.settle)
  }

  #takeGroup(): ReadonlyArray<Append> {
    let count = 0
    let bytes = 0
    const room = Math.min(GROUP_BYTES, this.#options.segmentBytes - this.#segments.at(-1)!.endBytes)
    for (const append of this.#pending) {
      if (count > 0 && bytes + append.bytes > room) break
      bytes += append.bytes
      count++
    }
    return this.#pending.splice(0, count)
  }

  async #commit(group: ReadonlyArray<Append>): Promise<void> {
    try {
      const { firsts, settled } = await this.#writer.write(group)
      const waitedFrom = performance.now()
      await this.#writer.sync()
      this.onSync((performance.now() - waitedFrom) / 1000)
      settled()
      this.#measure()
      for (const [index, append] of group.entries()) this.#settle(append, firsts[index]!)
    } catch (cause) {
      if (cause instanceof DiskFull) this.#refuse(group, cause)
      else this.#fail(group, cause)
    }
  }

  #settle({ bytes, flags, payloads, settle }: Append, first: number): void {
    this.#pendingBytes -= bytes
    for (const [offset, payload] of payloads.entries()) this.#tail.add(first + offset, flags, payload)
    settle(undefined, first)
  }

  /** What waits behind a group that found no room would not find any either. */
  #refuse(group: ReadonlyArray<Append>, full: DiskFull): void {
    const waiting = this.#pending.splice(0)
    this.#pendingBytes = 0
    for (const append of [...group, ...waiting]) append.settle(full, 0)
  }

  #fail(group: ReadonlyArray<Append>, cause: unknown): void {
    const broken = brokenBy(this.#writer.segment.path, cause)
    this.#stopped = broken
    const waiting = this.#pending.splice(0)
    for (const { settle } of this.#resting.splice(0)) settle(cause)
    this.#pendingBytes = 0
    const failed = new WriteFailed({ cause })
    for (const append of group) append.settle(failed, 0)
    for (const append of waiting) append.settle(broken, 0)
    this.onBroken(broken)
  }

  /**
   * Durable records from `from` to at most `to`, in order: those of one segment that fit in 1 MiB, at least one.
   * Rejects with `CorruptLog` when they are not what was written.
   */
  async read(from: number, to: number): Promise<ReadonlyArray<LogRecord>> {
    const segment = this.#segments.findLast((candidate) => candidate.first <= from)
    const last = Math.min(to, this.last)
    if (segment === undefined || from > last) return []
    const kept = this.#tail.read(from, last, READ_BYTES)
    return kept.length > 0 ? kept : segment.read(this.#files, from, Math.min(last, segment.next - 1), READ_BYTES)
  }

  /**
   * Replaces records, all that were appended before the call included, by others of the same size, in the files and in
   * memory. Appending and reading go on meanwhile. `change` is asked more than once about a record.
   */
  async rewrite(change: Rewrite): Promise<void> {
    const due = new Set<Segment>()
    const search = (from: number) => findDue(this, { from, segments: () => this.#segments, change, due })
    const next = await search(this.first)
    await this.#atRest(async () => {
      await search(next)
      // Of what was refused a part may have been written.
      if (due.has(this.#writer.segment) || this.#writer.isTainted) await this.#roll()
      this.#tail.forget()
    })
    await forgetCuts(this.#files, this.#options.directory)
    for (const segment of due) {
      if (!this.#segments.includes(segment)) continue
      await rewriteSegment(segment, this.#files, change).catch((cause: unknown) => {
        if (this.#segments.includes(segment)) throw cause
      })
      // Dropped meanwhile: the new file may have taken the name of one that was gone.
      if (!this.#segments.includes(segment)) this.#dropped.add(segment.path)
    }
    // What was dropped before the call may not come back either.
    await this.#dropped.remove()
  }

  async #roll(): Promise<void> {
    try {
      await this.#writer.roll()
      this.#measure()
    } catch (cause) {
      if (!(cause instanceof DiskFull)) this.#fail([], cause)
      throw this.broken ?? cause
    }
  }

  /** Copies all that is durable as of the call; appending goes on, but nothing may be dropped or rewritten meanwhile. */
  copyTo(directory: string): Promise<void> {
    return copySegments(this.#files, this.#segments, directory)
  }

  /** Runs a task between two writes, after all that waited before it. */
  #atRest(task: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject: (cause: unknown) => void) => {
      if (this.#stopped !== undefined) return reject(this.#stopped)
      const settle = (cause?: unknown) => (cause === undefined ? resolve() : reject(cause))
      this.#resting.push({ after: this.#pending.at(-1), task, settle })
      this.#running ??= this.#run()
    })
  }

  /** The last sequence that {@link drop} would take with this bound; `first - 1` if none. */
  droppable(upTo: number): number {
    let dropped = this.first - 1
    for (const segment of this.#segments.slice(0, -1)) if (segment.next - 1 <= upTo) dropped = segment.next - 1
    return dropped
  }

  /** Deletes the sealed segments whose records are all at or before `upTo`. */
  async drop(upTo: number): Promise<void> {
    while (this.#segments.length > 1 && this.#segments[0]!.next - 1 <= upTo) {
      const segment = this.#segments.shift()!
      this.#measure()
      this.#dropped.add(segment.path)
    }
    await this.#dropped.remove()
  }

  /** Writes what waits, then closes; later appends fail with `LogClosed`. */
  async close(): Promise<void> {
    this.#stopped ??= new LogClosed({ cause: new Error("the log is closed") })
    await this.#running
    await this.#writer.close()
    await this.#files.rm(join(this.#options.directory, SPARE_NAME))
  }
}
