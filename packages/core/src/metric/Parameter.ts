import { type Schema, SchemaAST } from "effect"
import { annotationOf } from "./annotation.ts"

/** What a parameter's values are, so that whoever has to give one (a command, the self-check, a law's generator) can. */
export type Kind =
  | "date"
  /** The date of a row of the metric's answer. */
  | "row-date"
  | "zone"
  | "choice"
  | "flag"
  | "integer"
  /** How much there is of an answer. */
  | "limit"
  | "duration"
  | "event-type"
  | "steps"
  | "filter"
  | "field"
  | "property"
  /** A text of a row. */
  | "name"
  /** The breakdown of a row. */
  | "value"
  | "user"

/** What a command assumes where a date is required and none was given: so many days before another, or before today. */
interface AssumedDate {
  readonly days: number
  readonly before?: string
  readonly says: string
}

/** What is known of a parameter besides what its Schema takes. */
export interface About {
  readonly kind: Kind
  /** What it is about, for a command's help, which adds the default; absent where the values say it. */
  readonly help?: string
  /** What stands for the value in a command's help, where it is not the kind's own. */
  readonly placeholder?: string
  readonly assumed?: AssumedDate
  /** Stands in the heading of a listing, though it does not name the cell. */
  readonly isHeading?: boolean
  /** Of a choice. */
  readonly values?: ReadonlyArray<string>
  readonly minimum?: number
  readonly maximum?: number
  /** The default, as it is written. */
  readonly initial?: string
}

/** A field of a metric's parameters. `kind` is undefined where its Schema does not say it. */
export interface Parameter extends Partial<About> {
  readonly name: string
  readonly required: boolean
  readonly description: string | undefined
}

const KEY = "parameter"

/** Says more of a parameter, over what is known already. */
export const about = <S extends Schema.Constraint>(schema: S, more: Partial<About>): S =>
  (schema as unknown as Schema.Top).annotate({ [KEY]: { ...aboutOf(schema), ...more } }) as unknown as S

const aboutOf = ({ ast }: Schema.Constraint) => annotationOf(ast, KEY) as Partial<About> | undefined

type Fields = Readonly<Record<string, Schema.Constraint>>

/** The fields of a Schema of parameters: a struct, with whatever checks. */
export const fieldsOf = (schema: Schema.Constraint): Fields => (schema as unknown as { readonly fields: Fields }).fields

/** Has no default. */
export const isRequired = (schema: Schema.Constraint): boolean =>
  SchemaAST.toEncoded(schema.ast).context?.isOptional !== true

/** What there is to be given, in the order of the Schema. */
export const parametersIn = (schema: Schema.Constraint): ReadonlyArray<Parameter> =>
  Object.entries(fieldsOf(schema)).map(([name, field]) => ({
    ...aboutOf(field),
    name,
    required: isRequired(field),
    description: annotationOf(SchemaAST.toEncoded(field.ast), "description") as string | undefined
  }))
