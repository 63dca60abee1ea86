"""The GraphQL vocabulary: types, inputs, scalars and unions. Types resolve through the context alone."""
