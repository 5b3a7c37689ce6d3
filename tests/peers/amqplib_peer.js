// npm's amqplib as a back end: an order as JSON on stdin, what it saw as JSON on stdout.
//
// {"url", "publish": {"key", "body" (base64), "properties"}} publishes with a confirm and waits for the broker's word.
// {"url", "receive": "queue"} consumes one message and acks it.
"use strict";
const amqp = require("amqplib");

const read = async () => {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString());
};

const publish = async (connection, { key, body, properties }) => {
  const channel = await connection.createConfirmChannel();
  const returned = [];
  channel.on("return", (message) => returned.push(message.fields.replyText));
  const options = { persistent: true, mandatory: true, ...properties };
  channel.publish("hdeu.national.out", key, Buffer.from(body, "base64"), options);
  await channel.waitForConfirms();
  return { confirmed: true, returned };
};

const receive = async (connection, queue) => {
  const channel = await connection.createChannel();
  await channel.prefetch(1);
  const message = await new Promise((resolve) => channel.consume(queue, resolve));
  channel.ack(message);
  await channel.close();
  const { messageId, contentType, deliveryMode, headers } = message.properties;
  const body = message.content.toString("base64");
  return { key: message.fields.routingKey, body, messageId, contentType, deliveryMode, headers };
};

(async () => {
  const order = await read();
  const connection = await amqp.connect(order.url);
  const answer = order.publish
    ? await publish(connection, order.publish)
    : await receive(connection, order.receive);
  await connection.close();
  process.stdout.write(JSON.stringify(answer));
})().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
