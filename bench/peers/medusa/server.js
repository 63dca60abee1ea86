/**
 * Medusa's payment module behind six bare routes, one for each step of the flow.
 *
 * It loads the module the way that Medusa itself does, migrates DATABASE_URL, listens on PORT of this machine and prints
 * "ready". A route reads a JSON body, calls the module's service and writes its answer: nothing else is between.
 */
import { createServer } from "node:http"
import { MedusaModule } from "@medusajs/framework/modules-sdk"
import {
  ContainerRegistrationKeys,
  createMedusaContainer,
  Modules,
  ModulesSdkUtils,
} from "@medusajs/framework/utils"
import { asValue } from "@medusajs/framework/awilix"

const PACKAGE = "@medusajs/payment"
/** Settles everything by itself, as Tillgraph's "system" does, so that no gateway is measured. */
const PROVIDER = "pp_system_default"
const CURRENCY = "usd"
const READ_BACK = [
  "id",
  "status",
  "amount",
  "captured_amount",
  "refunded_amount",
  "payments.id",
  "payments.captured_at",
]

/** Migrate the database; the module closes the connection that it migrates over. */
async function migrate(clientUrl) {
  const connection = ModulesSdkUtils.createPgConnection({ clientUrl })
  const options = { database: { clientUrl, connection } }
  await MedusaModule.migrateUp({ moduleKey: Modules.PAYMENT, modulePath: PACKAGE, options })
}

/** Return the payment module's service, which shares one pool of connections with whatever else Medusa loads. */
async function load(clientUrl) {
  const connection = ModulesSdkUtils.createPgConnection({ clientUrl })
  const sharedContainer = createMedusaContainer()
  sharedContainer.register(ContainerRegistrationKeys.PG_CONNECTION, asValue(connection))
  const modules = await MedusaModule.bootstrap({
    moduleKey: Modules.PAYMENT,
    defaultPath: PACKAGE,
    sharedContainer,
  })
  return modules[Modules.PAYMENT]
}

/** Return what each route does with its body. */
function routesOf(payments) {
  return {
    "/create": ({ amount }) =>
      payments.createPaymentCollections({ currency_code: CURRENCY, amount }),
    "/session": ({ collection, amount }) =>
      payments.createPaymentSession(collection, {
        provider_id: PROVIDER,
        currency_code: CURRENCY,
        amount,
        data: {},
      }),
    "/authorize": ({ session }) => payments.authorizePaymentSession(session, {}),
    "/capture": ({ payment }) => payments.capturePayment({ payment_id: payment }),
    "/refund": ({ payment, amount }) => payments.refundPayment({ payment_id: payment, amount }),
    "/read-back": ({ collection }) =>
      payments.retrievePaymentCollection(collection, {
        select: READ_BACK,
        relations: ["payments"],
      }),
  }
}

async function bodyOf(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return JSON.parse(Buffer.concat(chunks).toString())
}

function answer(response, status, value) {
  const body = JSON.stringify(value)
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  })
  response.end(body)
}

await migrate(process.env.DATABASE_URL)
const routes = routesOf(await load(process.env.DATABASE_URL))
createServer(async (request, response) => {
  try {
    answer(response, 200, await routes[request.url](await bodyOf(request)))
  } catch (error) {
    answer(response, 500, { error: String(error?.stack ?? error) })
  }
}).listen(Number(process.env.PORT), "127.0.0.1", () => console.log("ready"))
