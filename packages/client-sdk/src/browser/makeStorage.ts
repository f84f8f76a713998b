/* oxlint-disable unicorn/prefer-add-event-listener -- each byte is loaded by each visitor, and nobody else holds these objects */
import type { Entry } from "../core/makeSender.ts"

type Stored = ReadonlyArray<readonly [key: IDBValidKey, value: unknown]>

const STORE = "events"

/**
 * The queue's copy in IndexedDB: id → `[page, JSON, tracked at]`. Every failure leaves the copy behind and the queue
 * alone, which lives in memory then. Opened without a version, so that a newer release's database opens too; closed for
 * its upgrades.
 */
export const makeStorage = (name: string, page: string, isQuiet: () => unknown) => {
  let opened: Promise<IDBDatabase> | undefined
  let writes: Array<(store: IDBObjectStore) => void> = []

  const close = () => {
    opened?.then((database) => database.close()).catch(() => {})
    opened = undefined
  }

  const open = () =>
    (opened ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(name)
      request.onupgradeneeded = () => request.result.createObjectStore(STORE)
      request.onerror = reject
      request.onsuccess = () => {
        request.result.onversionchange = close
        resolve(request.result)
      }
    }))

  /** What one turn writes is one transaction. */
  const write = (change: (store: IDBObjectStore) => void) => {
    if (isQuiet() || writes.push(change) > 1) return
    open()
      .then((database) => {
        const transaction = database.transaction(STORE, "readwrite")
        for (const each of writes.splice(0)) each(transaction.objectStore(STORE))
        // Else it would wait for a word from this page, which may be gone by then.
        transaction.commit()
      })
      .catch(() => (writes = []))
  }

  return {
    _put: (id: string, [json, at]: Entry) => write((store) => store.put([page, json, at], id)),
    _remove: (ids: ReadonlyArray<string>) => write((store) => ids.forEach((id) => store.delete(id))),
    _clear: () => write((store) => store.clear()),
    /** Everything stored, other pages' events too; nothing when it cannot be read. */
    _all: async () =>
      isQuiet()
        ? []
        : open()
            .then(
              (database) =>
                new Promise<Stored>((resolve, reject) => {
                  const store = database.transaction(STORE).objectStore(STORE)
                  const keys = store.getAllKeys()
                  const values = store.getAll()
                  values.onsuccess = () => resolve(keys.result.map((key, index) => [key, values.result[index]]))
                  values.onerror = reject
                })
            )
            .catch((): Stored => []),
    _close: close
  }
}

export type Storage = ReturnType<typeof makeStorage>
