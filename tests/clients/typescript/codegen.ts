import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "schema.graphql",
  documents: "queries/**/*.graphql",
  generates: {
    "tillgraph/": {
      preset: "client",
      presetConfig: { fragmentMasking: false, persistedDocuments: { hashAlgorithm: "sha256" } },
      config: {
        documentMode: "string",
        importExtension: ".js",
        scalars: { Decimal: "string", DateTime: "string", CurrencyCode: "string", JSON: "unknown" },
      },
    },
  },
};

export default config;
