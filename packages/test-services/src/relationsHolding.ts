import pg from "pg"

/**
 * Tables, indexes and statistics in whose files one of the texts lies, row versions that nobody sees any more included, as
 * `relation: text`. The role must be a superuser of the server.
 */
export const relationsHolding = async (
  url: string,
  schema: string,
  texts: ReadonlyArray<string>
): Promise<ReadonlyArray<string>> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query("CHECKPOINT")
    const { rows } = await client.query<{ readonly relname: string; readonly text: string }>(SEARCH, [schema, texts])
    return rows.map(({ relname, text }) => `${relname}: ${text}`)
  } finally {
    await client.end()
  }
}

const SEARCH = `
  SELECT DISTINCT relname, text FROM pg_class, unnest($2::text[]) AS text
  WHERE (relnamespace = $1::regnamespace OR relname = 'pg_statistic'
      OR oid IN (SELECT reltoastrelid FROM pg_class WHERE relnamespace = $1::regnamespace))
    AND relkind IN ('r', 't', 'i') AND position(convert_to(text, 'UTF8') IN
      coalesce(pg_read_binary_file(pg_relation_filepath(oid), 0, 1000000000, true), '')) > 0
  ORDER BY relname, text`
