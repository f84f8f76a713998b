import { SchemaAST } from "effect"

/** What a Schema says of itself; of a field that may be absent or null, what it says of what is there. */
export const annotationOf = (ast: SchemaAST.AST, key: string): unknown => {
  const own = SchemaAST.resolve(ast)?.[key]
  if (own !== undefined || ast._tag !== "Union") return own
  return ast.types.map((type) => annotationOf(type, key)).find((found) => found !== undefined)
}
