import { Ajv2020 } from "ajv/dist/2020.js"
import formats from "ajv-formats"
import type { Attempt } from "./Attempt.ts"
import type { Json, JsonSchema, OpenApiDocument, Operation } from "./Document.ts"
import type { WireAnswer } from "./Wire.ts"

const PROBLEM = "application/problem+json"

/** Statuses that any path may answer, which the document states in its description. */
const ANYWHERE = new Set([400, 404, 405, 408, 431, 503])

export interface Judge {
  readonly matches: (schema: JsonSchema, value: Json) => boolean
  /** What is wrong with an answer by the document; undefined when nothing is. */
  readonly fault: (attempt: Attempt, answer: WireAnswer) => string | undefined
}

/** Holds answers against the document: status, content type, schema of the body, and what every answer has. */
export const makeJudge = (document: OpenApiDocument): Judge => {
  const ajv = new Ajv2020({ strict: false, allErrors: false, allowUnionTypes: true })
  formats.default(ajv)
  ajv.addSchema({ $id: "document", ...document })
  const compiled = new Map<JsonSchema, ReturnType<Ajv2020["compile"]>>()
  const validatorOf = (schema: JsonSchema) => {
    const known = compiled.get(schema) ?? ajv.compile(rebased(schema))
    compiled.set(schema, known)
    return known
  }
  const bodyFault = (schema: JsonSchema, { body }: WireAnswer): string | undefined => {
    const validate = validatorOf(schema)
    return validate(JSON.parse(body.toString()))
      ? undefined
      : `the body does not match: ${ajv.errorsText(validate.errors)}`
  }
  const anywhere = problemSchema(document)
  return {
    matches: (schema, value) => validatorOf(schema)(value) === true,
    fault: (attempt, answer) => {
      const { status } = answer
      if (status >= 500) return `the status is ${status}`
      const documented = attempt.elsewhere === true ? undefined : contentOf(attempt.operation, status)
      const content = documented ?? (ANYWHERE.has(status) ? { [PROBLEM]: { schema: anywhere } } : undefined)
      if (content === undefined) return `${status} is not documented`
      return (
        headerFault(attempt, answer, content) ??
        contentFault(answer, content, bodyFault) ??
        outcomeFault(attempt, answer)
      )
    }
  }
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>

const contentOf = (operation: Operation, status: number): Content | undefined =>
  operation.responses[status] === undefined ? undefined : (operation.responses[status].content ?? {})

/** Any of the document's problems, whatever its status. */
const problemSchema = ({ components }: OpenApiDocument): JsonSchema => {
  const { properties = {}, ...problem } = components.schemas["Problem400"]!
  return { ...problem, properties: { ...properties, status: { type: "integer" } } }
}

/** A part of the document as a schema of its own, its references absolute. */
const rebased = (schema: JsonSchema): object =>
  JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"document#/')) as object

const STREAMED = "application/x-ndjson"

const headerFault = ({ request }: Attempt, { headers, status }: WireAnswer, content: Content): string | undefined => {
  const type = headers.get("content-type")
  if (Object.keys(content).length > 0 && !(type !== undefined && Object.hasOwn(content, type)))
    return `${status} came as ${type}`
  // What is streamed has no length beforehand.
  const isWhole = type !== undefined && type !== STREAMED && request.method !== "HEAD"
  if (isWhole && headers.get("content-length") === undefined) return "no content-length"
  if ((status === 429 || status === 503) && !/^\d+$/u.test(headers.get("retry-after") ?? "")) return "no retry-after"
  if (status === 405 && headers.get("allow") === undefined) return "405 without allow"
  return status === 401 && headers.get("www-authenticate") === undefined ? "401 without www-authenticate" : undefined
}

const contentFault = (
  answer: WireAnswer,
  content: Content,
  bodyFault: (schema: JsonSchema, answer: WireAnswer) => string | undefined
): string | undefined => {
  const type = answer.headers.get("content-type") ?? ""
  const schema = content[type]?.schema
  if (schema === undefined || !/[/+]json/u.test(type)) return undefined
  const stated =
    type === PROBLEM ? (JSON.parse(answer.body.toString()) as { readonly status: number }).status : answer.status
  return stated === answer.status
    ? bodyFault(schema, answer)
    : `a problem of status ${stated} with status ${answer.status}`
}

/** Of a batch, one refused event is the refusal that is due. */
const outcomeFault = ({ expect }: Attempt, { body, status }: WireAnswer): string | undefined => {
  const refused = status >= 400 || (status === 202 && body.includes('"rejected":[{'))
  return expect === "refused" && !refused ? `it was answered with ${status}` : undefined
}
