import { DuckDBInstance } from "@duckdb/node-api"

/** SQL on a file that nobody else has open; the rows of the last statement. */
export const onFile = async (path: string, ...statements: ReadonlyArray<string>) => {
  const instance = await DuckDBInstance.create(path)
  const connection = await instance.connect()
  for (const text of statements.slice(0, -1)) await connection.run(text)
  const rows = (await connection.runAndReadAll(statements.at(-1)!)).getRowObjectsJS()
  connection.closeSync()
  instance.closeSync()
  return rows
}
