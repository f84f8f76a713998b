import type { OpenFile } from "@millrace/core/node"
import { createSpare, isFull, nameSpare, type SegmentPlace } from "./createSegment.ts"
import { type Append, encodeGroup, encodeHeader, headerBytes, writeHeader } from "./encodeGroup.ts"
import { DiskFull } from "./errors.ts"
import type { Segment } from "./Segment.ts"
import type { SegmentLogOptions } from "./SegmentLogOptions.ts"

type WriterOptions = SegmentPlace & Pick<SegmentLogOptions, "note">

/**
 * Writes groups behind one another, each with one write and one sync, and begins a new segment when one is full.
 *
 * **Details**
 *
 * A group's header says that all before it is synced. While nothing waits, that of the next group is written early, without
 * a sync: then the last group, too, is known to be whole, and a hole in it is told from a torn tail.
 *
 * What a write left behind that failed, nobody knows: nothing is written behind it, the next group begins a new segment.
 * A sync that failed is beyond that: what a second one reports about pages that the first one gave up is not the truth.
 */
export class SegmentWriter {
  readonly #options: WriterOptions
  readonly #segments: Array<Segment>
  #active: OpenFile
  #spare: Promise<number> | undefined
  #buffer = Buffer.allocUnsafe(1 << 16)
  /** Of the next group. */
  #header: Uint8Array | undefined
  #marked = false
  #tainted = false

  /** `segments` grow with each new one; the last is written to. */
  constructor(options: WriterOptions, segments: Array<Segment>, active: OpenFile) {
    this.#options = options
    this.#segments = segments
    this.#active = active
  }

  /** Parts of what was refused may lie behind the last record. */
  get isTainted(): boolean {
    return this.#tainted
  }

  get segment(): Segment {
    return this.#segments.at(-1)!
  }

  /** Writes a group that it does not make durable yet. Rejects with {@link DiskFull} when nothing of it is in the log. */
  async write(group: ReadonlyArray<Append>): Promise<{ readonly firsts: ReadonlyArray<number>; settled: () => void }> {
    let bytes = 0
    for (const append of group) bytes += append.bytes
    // A fresh segment takes whatever comes, so that an append larger than a segment finds a place.
    const full = this.segment.count > 0 && this.segment.endBytes + bytes > this.#options.segmentBytes
    if (this.#tainted || full) await this.roll()
    try {
      return await this.#write(group, bytes)
    } catch (cause) {
      this.#tainted = true
      if (isFull(cause)) throw new DiskFull({ file: this.segment.path, cause })
      await this.roll()
      return this.#write(group, bytes)
    }
  }

  async #write(group: ReadonlyArray<Append>, bytes: number) {
    const { segment } = this
    const header = this.#nextHeader()
    const total = headerBytes(header) + bytes
    this.#grow(total)
    const { firsts, places } = encodeGroup(this.#buffer, group, segment, header)
    this.#marked = false
    await this.#active.write(this.#buffer.subarray(0, total), segment.endBytes)
    const settled = () => {
      for (const [offsetBytes, payloadBytes] of places) segment.add(offsetBytes, payloadBytes)
      this.#header = undefined
      if (segment.endBytes > this.#options.segmentBytes / 2) this.#prepareSpare()
    }
    return { firsts, settled }
  }

  sync(): Promise<void> {
    return this.#active.datasync()
  }

  /** Tells that all before is durable, at the latest by a new segment. That a disk has no room for it costs nothing. */
  async mark(): Promise<void> {
    const { segment } = this
    if (this.#marked || this.#tainted || segment.count === 0) return
    const header = this.#nextHeader()
    const total = headerBytes(header)
    const { allottedBytes } = segment.format
    if (allottedBytes > 0 && segment.endBytes + total > allottedBytes) return this.roll().catch(ignoreFull)
    this.#grow(total)
    writeHeader(this.#buffer, header, segment)
    this.#marked = true
    await this.#active.write(this.#buffer.subarray(0, total), segment.endBytes).catch(() => {
      this.#tainted = true
    })
  }

  /** In a new segment, of everything: what the segments before it told may be dropped. */
  #nextHeader(): Uint8Array {
    const note = () => this.#options.note?.(this.segment.count === 0) ?? new Uint8Array()
    return (this.#header ??= encodeHeader(this.segment, note()))
  }

  #grow(bytes: number): void {
    if (bytes > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(Math.max(bytes, this.#buffer.length * 2))
  }

  #prepareSpare(): void {
    if (this.#spare !== undefined) return
    this.#spare = createSpare(this.#options)
    // Reported where it is awaited: by the roll that needs it.
    this.#spare.catch(() => undefined)
  }

  /** Goes on in a new segment. Rejects with {@link DiskFull} when there is no room for one. */
  async roll(): Promise<void> {
    const full = this.segment
    const segment = await this.#nameNext(full)
    // From here on it is there, and whatever fails is for good: going on in the old one would make two of each record.
    await this.#options.files.syncDirectory(this.#options.directory)
    await this.#replace(full, segment)
  }

  async #nameNext(full: Segment): Promise<Segment> {
    try {
      // No room was promised for it, so it may be shorter, and what it gives back may be what is needed.
      if (this.#tainted && full.format.allottedBytes === 0) await this.#active.truncate(full.endBytes)
      this.#prepareSpare()
      return await nameSpare(this.#options, full.next, await this.#spare!)
    } catch (cause) {
      if (isFull(cause)) throw new DiskFull({ file: full.path, cause })
      throw cause
    } finally {
      this.#spare = undefined
    }
  }

  async #replace(full: Segment, segment: Segment): Promise<void> {
    // Not before: the last segment is never shorter than what was allotted to it, so that one cut short is told.
    if (full.count > 0) await this.#active.truncate(full.endBytes).catch(() => undefined)
    // What was refused is gone, also after a power cut; that this fails takes nothing from what was synced before.
    if (this.#tainted) await this.#active.datasync().catch(() => undefined)
    await this.#active.close()
    this.#active = await this.#options.files.open(segment.path, "r+")
    if (full.count === 0) this.#segments.pop()
    this.#segments.push(segment)
    this.#header = undefined
    this.#marked = false
    this.#tainted = false
  }

  async close(): Promise<void> {
    await this.#spare?.catch(() => undefined)
    await this.#active.close().catch(() => undefined)
  }
}

const ignoreFull = (cause: unknown): void => {
  if (!(cause instanceof DiskFull)) throw cause
}
