// The condition "source" leads to files that are not packed: it is for this repository's own tests and stays here.
const withoutSource = (value) =>
  typeof value === "object" && value !== null
    ? Object.fromEntries(
        Object.entries(value)
          .filter(([condition]) => condition !== "source")
          .map(([condition, target]) => [condition, withoutSource(target)])
      )
    : value

export const hooks = {
  beforePacking: (manifest) => ({ ...manifest, exports: withoutSource(manifest.exports) })
}
