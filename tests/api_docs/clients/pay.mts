// The plainest phone payment, through the types of openapi-typescript; prints the payment.
import createClient from "openapi-fetch";
import type { paths } from "./api.js";

declare const process: { argv: string[] };

const [, , baseUrl, authorization] = process.argv;
if (!baseUrl || !authorization) throw new Error("pay.mjs BASE_URL AUTHORIZATION");
const client = createClient<paths>({ baseUrl, headers: { authorization } });

const { data, error } = await client.POST("/api/v1/payments", {
  params: { header: { "Idempotency-Key": crypto.randomUUID() } },
  body: {
    type: "deposit",
    method: "mpesa",
    amount: "100.00",
    currency: "KES",
    customer_id: "c_42",
    payment_method: { phone: "0712345678", country: "KE" },
  },
});
if (!data) throw new Error(error.code);

const listed = await client.GET("/api/v1/payments", {
  params: { query: { customer_id: data.customer_id, metadata: { none: "such" } } },
});
if (listed.data?.data.length !== 0) throw new Error("a filter by metadata found something");
console.log(JSON.stringify(data));
