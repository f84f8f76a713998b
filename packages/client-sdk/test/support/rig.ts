import { afterAll, beforeAll, expect } from "vitest"
import { settled } from "../../../server/test/support/server.ts"
import { startReadable } from "../../../server/test/support/stored.ts"
import { type Door, openDoor, type Plan } from "./door.ts"

export type ReadableServer = Awaited<ReturnType<typeof startReadable>>

/** The file's real server, and doors to it that may stick. Call it at the top of a test file or suite. */
export const useRig = () => {
  let server: ReadableServer
  const doors: Array<Door> = []
  beforeAll(async () => {
    server = await startReadable()
  })
  afterAll(async () => {
    await Promise.all(doors.map((door) => door.close()))
    await server.close()
  })
  const stored = async (type: string) => {
    await settled(server)
    return server.stored(type)
  }
  return {
    server: () => server,
    door: async (plan?: Plan): Promise<Door> => {
      const door = await openDoor(server.url, plan)
      doors.push(door)
      return door
    },
    stored,
    /** The server counts exactly these events of the type, whatever was sent twice. */
    expectExactly: async (type: string, ids: Iterable<string>) => {
      const rows = await stored(type)
      expect([...rows.keys()].toSorted()).toEqual([...ids].toSorted())
      return rows
    }
  }
}

export type Rig = ReturnType<typeof useRig>

const PATIENCE_MILLIS = 60_000

/** Waits for a condition, not for a time. */
export const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  const end = performance.now() + PATIENCE_MILLIS
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
