import { Result, Schema } from "effect"

export type BadParameterCode = (typeof BadParameterCode.literals)[number]

export const BadParameterCode = Schema.Literals([
  "unknown_parameter",
  "missing_parameter",
  "invalid_parameter",
  "repeated_parameter"
])

/** A parameter that a metric refuses: `field` names it, `reason` completes the sentence that the name begins. */
export class BadParameter extends Schema.TaggedError<BadParameter>()("BadParameter", {
  field: Schema.String,
  code: BadParameterCode,
  reason: Schema.String
}) {
  override get message(): string {
    return `${this.field} ${this.reason}`
  }
}

/** A bound that only the data can break is found deep in a metric's pure functions, which throw: here it becomes a value. */
export const refusable = <A>(make: () => A): Result.Result<A, BadParameter> =>
  Result.try({
    try: make,
    catch: (error) => {
      if (error instanceof BadParameter) return error
      throw error
    }
  })
