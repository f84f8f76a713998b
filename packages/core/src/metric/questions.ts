import { Result, Schema, SchemaIssue } from "effect"
import { isWritten, printJson } from "../event/json.ts"
import { BadParameter } from "./BadParameter.ts"
import { fieldsOf, isRequired } from "./Parameter.ts"
import { type MetricName, metrics, type ParamsOf } from "./registry.ts"

/** Parameters from a query string, or from a program or JSON body, which may give numbers, filters and lists as such. */
export type RawParams = Readonly<Record<string, unknown>>

/** Parameters of a JSON body: there the text `"1"` is no number, as which a query string would have it. */
export const paramsOfJson = (params: RawParams): RawParams => {
  const { breakdown_value } = params
  if (isWritten(breakdown_value)) return { ...params, breakdown_value: breakdown_value.rawJSON }
  return typeof breakdown_value === "string" ? { ...params, breakdown_value: JSON.stringify(breakdown_value) } : params
}

const UNKNOWN = "is not a parameter of this metric"
const MISSING = "is required"

const formatIssue = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (leaf) =>
    leaf._tag === "UnexpectedKey" ? UNKNOWN : leaf._tag === "MissingKey" ? MISSING : SchemaIssue.defaultLeafHook(leaf)
})

/** A list in JSON, or repeated in a query string. */
const LISTS: ReadonlySet<string> = new Set(["steps"])

/** Decodes a metric's parameters; the error names the first refused field. */
export const decodeParams = <Name extends MetricName>(
  name: Name,
  raw: RawParams
): Result.Result<ParamsOf<Name>, BadParameter> => {
  const texts: Record<string, string> = {}
  for (const [field, value] of Object.entries(raw)) {
    if (Array.isArray(value) && !LISTS.has(field)) {
      return Result.fail(refuse(field, "repeated_parameter", "may be given only once"))
    }
    // As in JSON: null is as good as absent.
    if (value !== undefined && value !== null)
      texts[field] = typeof value === "object" ? printJson(value)! : String(value)
  }
  const decode = Schema.decodeUnknownResult(metrics[name].params, { onExcessProperty: "error" })
  const decoded = Result.mapError(decode(texts), (error) => {
    const issue = formatIssue(error.issue).issues[0]!
    const field = String(issue.path?.[0] ?? "params")
    const code =
      issue.message === UNKNOWN
        ? "unknown_parameter"
        : issue.message === MISSING
          ? "missing_parameter"
          : "invalid_parameter"
    return refuse(field, code, issue.message)
  })
  return Result.flatMap(decoded, (params) => refuseCoerced(raw, params))
}

/** Numbers, flags and filters may come as such, but not where a text is meant: `true` is no event type. */
const refuseCoerced = <Params extends object>(raw: RawParams, params: Params): Result.Result<Params, BadParameter> => {
  const field = Object.entries(params)
    .filter(([name, value]) => typeof value === "string" && typeof (raw[name] ?? "") !== "string")
    .map(([name]) => name)[0]
  return field === undefined
    ? Result.succeed(params)
    : Result.fail(refuse(field, "invalid_parameter", "must be a string"))
}

const refuse = (field: string, code: BadParameter["code"], reason: string) => new BadParameter({ field, code, reason })

/** Schema of a question as a JSON body: values of their own types, those with a default optional. */
export const questionSchema = <Name extends MetricName>(name: Name) => {
  const typed = Object.entries(fieldsOf(metrics[name].params)).map(([field, schema]) => {
    const type = Schema.toType(schema)
    return [field, isRequired(schema) ? type : Schema.optional(type)] as const
  })
  return Schema.Struct({ metric: Schema.Literal(name), params: Schema.Struct(Object.fromEntries(typed)) }).annotate({
    identifier: `question-${name}`
  })
}

/** Schema of a metric's whole answer, for OpenAPI and typed clients. */
export const answerSchema = <Name extends MetricName>(name: Name) => {
  const metric = metrics[name]
  return Schema.Struct({
    metric: Schema.Literal(name),
    params: Schema.toType(metric.params),
    as_of: Schema.String.annotate({ format: "date-time" }),
    rows: Schema.Array(metric.row)
  }).annotate({ identifier: `answer-${name}`, description: metric.description })
}
