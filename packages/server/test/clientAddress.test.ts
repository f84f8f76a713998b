import { Option } from "effect"
import { Headers } from "effect/http"
import { describe, expect, it } from "vitest"
import { clientAddress, networkOf } from "../src/http/clientAddress.ts"

const from = (forwarded: string | undefined, proxies: number, socket = "10.0.0.9") =>
  clientAddress(
    {
      headers: Headers.fromInput(forwarded === undefined ? {} : { "x-forwarded-for": forwarded }),
      peerAddress: socket === "" ? Option.none() : Option.some(socket)
    },
    proxies
  )

describe("the client's address", () => {
  it.each([
    ["1.1.1.1", 0, "10.0.0.9"],
    ["1.1.1.1", 1, "1.1.1.1"],
    ["6.6.6.6, 1.1.1.1", 1, "1.1.1.1"],
    ["6.6.6.6,1.1.1.1 , 10.0.0.1", 2, "1.1.1.1"],
    ["1.1.1.1", 2, "10.0.0.9"],
    ["", 1, "10.0.0.9"],
    [undefined, 3, "10.0.0.9"],
    ["6.6.6.6, unknown", 1, "10.0.0.9"],
    ["1.1.1.1:4711", 1, "1.1.1.1"],
    ["[2001:DB8::1]:4711", 1, "2001:db8::1"],
    ["::ffff:1.1.1.1", 1, "1.1.1.1"]
  ])("of %j behind %i proxies is %s", (forwarded, proxies, expected) => {
    expect(from(forwarded, proxies)).toBe(expected)
  })

  it("what a client writes itself never counts: it stands left of what the trusted proxies append", () => {
    for (const forged of ["8.8.8.8", "8.8.8.8, 9.9.9.9", ", ,", "a".repeat(10_000)]) {
      expect(from(`${forged}, 1.1.1.1`, 1)).toBe("1.1.1.1")
      expect(from(forged, 0)).toBe("10.0.0.9")
    }
  })

  it("is unknown without a socket", () => {
    expect(from(undefined, 0, "")).toBeUndefined()
  })

  it("IPv6 counts by network of 64 bits, however it is written", () => {
    const written = ["2001:db8::1", "2001:0db8:0:0:1::", "2001:db8::ffff:1.2.3.4", "2001:db8:0:0::%eth0"]
    expect(new Set(written.map(networkOf))).toEqual(new Set(["2001:db8:0:0::/64"]))
    expect(networkOf("2001:db8:0:1::1")).not.toBe(networkOf("2001:db8::1"))
    expect(networkOf("::1")).toBe("0:0:0:0::/64")
    expect(networkOf("10.0.0.9")).toBe("10.0.0.9")
  })
})
