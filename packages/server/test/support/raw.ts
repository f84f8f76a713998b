import { connect } from "node:net"

/** Writes bytes to the server and returns all it answers until it closes the connection. */
export const rawRequest = (port: number, text: string | Uint8Array): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text))
    let answer = ""
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1")
    })
    socket.on("close", () => resolve(answer))
    socket.on("error", reject)
  })
