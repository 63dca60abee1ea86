// Pays, captures and refunds with the generated client, and prints what each answer is narrowed to.
import { tillgraph } from "./send.js";
import {
  AuthorizePaymentSessionDocument,
  CapturePaymentDocument,
  CreatePaymentCollectionDocument,
  CreatePaymentSessionDocument,
  CreateRefundReasonDocument,
  ListPaymentCollectionsDocument,
  RefundPaymentDocument,
  WatchPaymentCollectionDocument,
  type AuthorizePaymentSessionMutation,
  type WatchPaymentCollectionSubscription,
} from "./tillgraph/graphql.js";

const [url = "http://127.0.0.1:8000", key = ""] = process.argv.slice(2);
const { send, follow } = tillgraph({ url, authorization: `Bearer ${key}` });

type Authorized = AuthorizePaymentSessionMutation["authorizePaymentSession"];
type Action = Extract<Authorized, { __typename: "RequiresMoreAction" }>["action"];

async function openCollection(): Promise<string> {
  const input = { currencyCode: "USD", amount: "49.90", reference: "cart-1001", metadata: { shelf: 7 } };
  const { createPaymentCollection: result } = await send(CreatePaymentCollectionDocument, { input });
  switch (result.__typename) {
    case "PaymentCollection":
      console.log(`collection ${result.status} ${result.outstandingAmount} ${result.currencyCode}`);
      return result.id;
    default:
      throw new Error(result.message);
  }
}

async function openSession(paymentCollectionId: string, token: string): Promise<string> {
  const input = { paymentCollectionId, providerId: "sandbox", data: { token } };
  const { createPaymentSession: result } = await send(CreatePaymentSessionDocument, { input });
  if (result.__typename !== "PaymentSession") throw new Error(result.message);
  return result.id;
}

async function authorize(id: string): Promise<Authorized> {
  return (await send(AuthorizePaymentSessionDocument, { input: { id } })).authorizePaymentSession;
}

function addressOf(action: Action): string | null {
  switch (action.__typename) {
    case "RedirectToUrl":
      return action.url;
    default:
      // Every action has this, one that was added later too.
      return action.fallbackUrl;
  }
}

async function approve(address: string | null): Promise<void> {
  if (address === null) throw new Error("There is nothing to open.");
  const headers = { "content-type": "application/json" };
  await fetch(address, { method: "POST", headers, body: JSON.stringify({ result: "approve" }) });
}

async function pay(id: string): Promise<string> {
  const result = await authorize(id);
  switch (result.__typename) {
    case "Payment":
      console.log(`payment ${result.status} ${result.amount} ${result.paidWith?.type}`);
      return result.id;
    case "RequiresMoreAction":
      console.log(`action ${result.action.kind} ${result.paymentSession.status}`);
      await approve(addressOf(result.action));
      return pay(id);
    default:
      throw new Error(result.message);
  }
}

async function capture(paymentId: string, amount: string): Promise<void> {
  const input = { paymentId, amount, idempotencyKey: `${paymentId}-${amount}` };
  const { capturePayment: result } = await send(CapturePaymentDocument, { input });
  switch (result.__typename) {
    case "Payment":
      console.log(`captured ${result.capturedAmount} of ${result.amount}`);
      break;
    case "CapturePending":
      console.log(`pending ${result.capture.status}`);
      break;
    default:
      // Every failure has these, one that was added later too.
      console.log(`${result.__typename} ${result.code} ${result.path} ${result.retryable}`);
  }
}

async function refund(paymentId: string, amount: string): Promise<void> {
  const reason = { code: "wrong_colour", label: "The colour is wrong" };
  const { createRefundReason: made } = await send(CreateRefundReasonDocument, { input: reason });
  if (made.__typename !== "RefundReason") throw new Error(made.message);
  const input = { paymentId, amount, reasonId: made.id, idempotencyKey: `${paymentId}-back` };
  const { refundPayment: result } = await send(RefundPaymentDocument, { input });
  if (result.__typename !== "Payment") throw new Error(result.__typename);
  console.log(`refunded ${result.refundedAmount} for ${made.reasonCode}`);
}

async function list(reference: string): Promise<void> {
  const filter = { reference, createdAt: { from: "2026-01-01T00:00:00Z" } };
  const { paymentCollections: found } = await send(ListPaymentCollectionsDocument, { filter });
  for (const { node } of found.edges) console.log(`listed ${node.status} ${node.capturedAmount}`);
}

async function showNext(updates: AsyncGenerator<WatchPaymentCollectionSubscription, void>): Promise<void> {
  const { done, value } = await updates.next();
  if (done) throw new Error("The stream has ended.");
  const { event, paymentCollection } = value.paymentCollectionUpdates;
  if (event === null) console.log(`watching ${paymentCollection.status}`);
  else console.log(`event ${event.type} ${event.amount}`);
}

const collection = await openCollection();
const payment = await pay(await openSession(collection, "challenge"));
const updates = follow(WatchPaymentCollectionDocument, { id: collection });
await showNext(updates);
await capture(payment, "20.00");
await showNext(updates);
await showNext(updates);
await capture(payment, "40.00");
await refund(payment, "5.00");
await list("cart-1001");
const other = await openCollection();
await capture(await pay(await openSession(other, "approve,capture=pending")), "49.90");
await updates.return();
