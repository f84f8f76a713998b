import { fieldsOf, metricNames, metrics, parametersIn } from "@millrace/core"
import { Result, Schema } from "effect"
import { assert, describe, it } from "vitest"

describe("what a parameter's Schema says of it is so", () => {
  for (const metric of metricNames) {
    const { params } = metrics[metric]
    const parameters = parametersIn(params)
    const read = (name: string, written: string | undefined) =>
      Schema.decodeUnknownResult(fieldsOf(params)[name] as Schema.Codec<unknown>)(written)
    const isTaken = (name: string, written: string | number) => Result.isSuccess(read(name, String(written)))

    it(`${metric}: every parameter has a kind, by which laws and commands can give it`, () => {
      const unknown = parameters.filter(({ kind }) => kind === undefined)
      assert.deepStrictEqual(
        unknown.map(({ name }) => name),
        []
      )
    })

    it(`${metric}: a choice takes its words and no other, a number its ends and nothing beyond`, () => {
      for (const { maximum, minimum, name, values } of parameters) {
        if (values !== undefined) {
          assert.deepStrictEqual(
            [...values, "another"].filter((word) => isTaken(name, word)),
            [...values],
            name
          )
        }
        if (minimum !== undefined && maximum !== undefined) {
          const ends = [minimum - 1, minimum, maximum, maximum + 1]
          assert.deepStrictEqual(
            ends.filter((end) => isTaken(name, end)),
            [minimum, maximum],
            name
          )
        }
      }
    })

    it(`${metric}: a default is what leaving it out means, and what has none is required or absent`, () => {
      for (const { initial, name, required } of parameters) {
        const left = read(name, undefined)
        if (initial !== undefined) assert.deepStrictEqual(read(name, initial), left, name)
        else if (required) assert.isTrue(Result.isFailure(left), name)
        else assert.deepStrictEqual(left, Result.succeed(undefined), name)
      }
    })
  }
})
