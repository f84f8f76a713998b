import { Schema, SchemaTransformation } from "effect"

/** As a browser names the origin of a page: `https://shop.example`, `http://localhost:3000`. */
export const isOrigin = (text: string): boolean => URL.canParse(text) && new URL(text).origin === text

const Origins = Schema.Array(
  Schema.String.check(Schema.makeFilter((text) => isOrigin(text) || "a web origin like https://dashboard.example"))
)

/** `https://a.example,https://b.example:8443` */
export const OriginsText = Schema.String.pipe(
  Schema.decodeTo(
    Origins,
    SchemaTransformation.transform<typeof Origins.Encoded, string>({
      decode: (text) => text.split(",").map((part) => part.trim()),
      encode: (origins) => origins.join(",")
    })
  )
)
