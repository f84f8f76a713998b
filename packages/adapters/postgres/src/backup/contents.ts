import { Schema } from "effect"

/** Below the folder of a backup. */
export const FOLDER = "postgres"
export const CONTENTS_NAME = "contents.json"

const Name = Schema.String.check(Schema.isPattern(/^[a-z_]{1,63}$/u))

/** What the files hold: the schema's migrations, and of each table `<name>.copy`, in COPY's text form, with these columns. */
export const Contents = Schema.Struct({
  migrations: Schema.Array(Schema.Int),
  tables: Schema.Array(Schema.Struct({ name: Name, columns: Schema.NonEmptyArray(Name), rows: Schema.Int }))
})
export type Contents = typeof Contents.Type

export const decodeContents = Schema.decodeUnknownSync(Schema.fromJsonString(Contents))

export const fileOf = (table: string) => `${table}.copy`
