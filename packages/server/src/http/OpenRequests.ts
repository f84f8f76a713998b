import type { ServerResponse } from "node:http"
import type { Socket } from "node:net"

interface OpenRequest {
  readonly socket: Socket
  readonly response: ServerResponse
  readonly sinceMillis: number
}

const NONE: ReadonlyArray<ServerResponse> = []

/** The requests under way, oldest first, and those of each connection. */
export class OpenRequests {
  readonly #all = new Map<ServerResponse, OpenRequest>()
  readonly #bySocket = new WeakMap<Socket, Array<ServerResponse>>()

  get count(): number {
    return this.#all.size
  }

  of(socket: Socket): ReadonlyArray<ServerResponse> {
    return this.#bySocket.get(socket) ?? NONE
  }

  add(socket: Socket, response: ServerResponse): void {
    this.#all.set(response, { socket, response, sinceMillis: performance.now() })
    const own = this.#bySocket.get(socket)
    if (own === undefined) this.#bySocket.set(socket, [response])
    else own.push(response)
  }

  remove(socket: Socket, response: ServerResponse): void {
    this.#all.delete(response)
    const own = this.#bySocket.get(socket)
    const at = own?.indexOf(response) ?? -1
    if (at !== -1) own!.splice(at, 1)
  }

  olderThan(millis: number): ReadonlyArray<OpenRequest> {
    const before = performance.now() - millis
    const found: Array<OpenRequest> = []
    for (const request of this.#all.values()) {
      if (request.sinceMillis > before) break
      found.push(request)
    }
    return found
  }
}
