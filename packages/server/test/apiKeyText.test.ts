import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { hashApiKey, isApiKey, newApiKey, prefixOf } from "../src/keys/apiKeyText.ts"

const scopes = ["write", "read", "admin"] as const

describe("the text of an API key", () => {
  it("has its scope's letter, 256 random bits and a checksum; no two are alike", () => {
    const keys = scopes.flatMap((scope) => Array.from({ length: 200 }, () => newApiKey(scope)))
    for (const key of keys) {
      expect(key).toMatch(/^mr_[wra]_[0-9A-Za-z]{49}$/u)
      expect(isApiKey(key)).toBe(true)
    }
    expect(new Set(keys).size).toBe(keys.length)
    expect(new Set(keys.map((key) => key[3]))).toEqual(new Set(["w", "r", "a"]))
  })

  it("one character wrong, or two swapped, and it cannot have been issued", () => {
    const key = newApiKey("write")
    const place = fc.integer({ min: 5, max: key.length - 1 })
    const letter = fc.constantFrom(..."0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
    fc.assert(
      fc.property(place, letter, (at, by) => {
        const wrong = key.slice(0, at) + by + key.slice(at + 1)
        return wrong === key || !isApiKey(wrong)
      })
    )
    fc.assert(
      fc.property(place, (at) => {
        const wrong = key.slice(0, at) + (key[at + 1] ?? "") + key[at]! + key.slice(at + 2)
        return wrong === key || !isApiKey(wrong)
      })
    )
    for (const text of ["", "mr_w_", key.slice(1), `${key}0`, ` ${key}`, key.replace("mr_w", "mr_a"), `${key}\n`]) {
      expect(isApiKey(text)).toBe(false)
    }
  })

  it("its prefix shows 8 of its random characters; its hash depends on the pepper", () => {
    const key = newApiKey("read")
    expect(prefixOf(key)).toBe(key.slice(0, 13))
    const pepper = new Uint8Array(32)
    expect(hashApiKey(key, pepper)).toMatch(/^[0-9a-f]{64}$/u)
    expect(hashApiKey(key, pepper)).not.toBe(hashApiKey(key, new Uint8Array(32).fill(1)))
  })
})
