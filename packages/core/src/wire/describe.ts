import { OpenApi } from "effect/http-api"

interface Description {
  readonly summary: string
  readonly description?: string
  /** Of the JSON request body. */
  readonly example?: unknown
  /** What the schemas cannot say, by status. */
  readonly answers?: Readonly<
    Record<number, { readonly headers?: Readonly<Record<string, string>>; readonly example?: unknown }>
  >
}

type Loose = Record<string, unknown>

/** Annotations of one endpoint: texts, and through a transformation the headers and examples of its answers. */
export const describe = (about: Description) =>
  OpenApi.annotations({
    summary: about.summary,
    ...(about.description === undefined ? {} : { description: about.description }),
    transform: (operation) => complete(operation, about)
  })

const complete = (operation: Loose, { answers = {}, example }: Description): Loose => {
  const responses = { ...asRecord(operation["responses"]) }
  for (const [status, { example: answerExample, headers }] of Object.entries(answers)) {
    const response = withExample(asRecord(responses[status]), answerExample)
    responses[status] = headers === undefined ? response : { ...response, headers: headerObjects(headers) }
  }
  const body = operation["requestBody"]
  return {
    ...operation,
    responses,
    ...(body === undefined ? {} : { requestBody: withExample(asRecord(body), example) })
  }
}

const asRecord = (value: unknown): Loose => (typeof value === "object" && value !== null ? { ...value } : {})

/** Examples belong to JSON media types alone. */
const withExample = (holder: Loose, example: unknown): Loose => {
  if (example === undefined) return holder
  const content = Object.entries(asRecord(holder["content"])).map(([type, media]) => [
    type,
    type.includes("json") ? { ...asRecord(media), example } : media
  ])
  return { ...holder, content: Object.fromEntries(content) as Loose }
}

const headerObjects = (headers: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: "string" } }])
  )
