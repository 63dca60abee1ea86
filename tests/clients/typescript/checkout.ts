// Pays as a customer's browser does, with the client secret alone, and prints what comes of it.
import { tillgraph } from "./send.js";
import {
  AuthorizePaymentSessionDocument,
  CreatePaymentSessionDocument,
  TypedDocumentString,
  WatchPaymentCollectionDocument,
} from "./tillgraph/graphql.js";

const [url = "", clientSecret = "", paymentCollectionId = ""] = process.argv.slice(2);
const { send, follow } = tillgraph({ url, authorization: `Bearer ${clientSecret}` });

const session = { paymentCollectionId, providerId: "sandbox", data: { token: "approve" } };
const { createPaymentSession: opened } = await send(CreatePaymentSessionDocument, { input: session });
if (opened.__typename !== "PaymentSession") throw new Error(opened.message);
console.log(`session ${opened.status}`);

const { authorizePaymentSession: paid } = await send(AuthorizePaymentSessionDocument, { input: { id: opened.id } });
if (paid.__typename !== "Payment") throw new Error(paid.__typename);
console.log(`payment ${paid.status} ${paid.amount}`);

for await (const { paymentCollectionUpdates: update } of follow(WatchPaymentCollectionDocument, { id: paymentCollectionId })) {
  console.log(`watching ${update.paymentCollection.status}`);
  break;
}

const homeMade = new TypedDocumentString<unknown, { id: string }>(
  "query Mine($id: ID!) { paymentCollection(id: $id) { id } }",
);
try {
  await send(homeMade, { id: paymentCollectionId });
  console.log("not refused");
} catch (error) {
  const { status, errors } = (error as Error).cause as { status: number; errors: { extensions: { code: string } }[] };
  console.log(`refused ${status} ${errors[0]?.extensions.code}`);
}
