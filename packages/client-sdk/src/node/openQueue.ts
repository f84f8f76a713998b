import type { Sender } from "../core/makeSender.ts"
import type { NodeOptions } from "./NodeOptions.ts"
import { QueueFolder } from "./QueueFolder.ts"

interface Batch {
  readonly ids: ReadonlyArray<string>
  readonly body: string
}

type Settings = NodeOptions & Required<Pick<NodeOptions, "maxBatchBytes">>

/** What the end of the process must still deliver, and its copy on disk where a folder is given. */
export const openQueue = (settings: Settings) => {
  const { key, maxBatchBytes, maxBatchEvents = 500, onError, queueFolder } = settings
  const waiting = new Map<string, string>()
  let folder: QueueFolder | undefined

  /** A disk that fails costs the copy, not the events. */
  const onDisk = (use: () => void) => {
    try {
      use()
    } catch (cause) {
      folder = undefined
      try {
        onError?.({ code: "storage_failed", status: 0, eventIds: [], message: String(cause) })
      } catch {
        // As everywhere: the application's handler must not cost events.
      }
    }
  }
  onDisk(() => {
    if (queueFolder !== undefined) folder = new QueueFolder(queueFolder)
  })

  return {
    size: () => waiting.size,
    put: (id: string, json: string, at: number) => {
      waiting.set(id, json)
      onDisk(() => folder?.put(id, json, at))
    },
    remove: (ids: ReadonlyArray<string>) => {
      for (const id of ids) waiting.delete(id)
      onDisk(() => folder?.remove(ids))
    },
    adopt: (sender: Sender) =>
      onDisk(() => {
        for (const event of folder?.adopt() ?? []) {
          if (event === undefined) sender._refuse("", "corrupt")
          else {
            waiting.set(event.id, event.json)
            sender._add(event.id, event.json, event.at, true)
          }
        }
      }),
    batches: () => batchesOf(waiting, { key, maxBatchBytes, maxBatchEvents }),
    close: () => onDisk(() => folder?.close())
  }
}

interface Limits {
  readonly key: string | undefined
  readonly maxBatchBytes: number
  readonly maxBatchEvents: number
}

const batchesOf = (waiting: ReadonlyMap<string, string>, { key, maxBatchBytes, maxBatchEvents }: Limits) => {
  const head = JSON.stringify({ key, sent_at: new Date() }).slice(0, -1)
  const batches: Array<Batch> = []
  let ids: Array<string> = []
  let events: Array<string> = []
  let bytes = 0
  const close = () => {
    if (ids.length > 0) batches.push({ ids, body: `${head},"events":[${events.join(",")}]}` })
    ids = []
    events = []
    bytes = 0
  }
  for (const [id, json] of waiting) {
    const size = Buffer.byteLength(json)
    if (bytes + size > maxBatchBytes || ids.length >= maxBatchEvents) close()
    ids.push(id)
    events.push(json)
    bytes += size
  }
  close()
  return batches
}
