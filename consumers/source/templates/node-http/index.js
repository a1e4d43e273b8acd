// Serves the handler over HTTP/1.1, with node's own modules alone:
// module.exports = async (event, context) => context.status(200).succeed("hello").
// Listens on the Unix socket named by PUSHLINE_SOCKET, or on port 3000.
"use strict";

const fs = require("fs");
const http = require("http");

const BODY = 1 << 30; // bytes of a request's body
const handler = require("./function/handler");

class FunctionEvent {
  constructor(request, body) {
    const url = new URL(request.url, "http://localhost");
    this.body = decoded(body, request.headers["content-type"] || "");
    this.rawBody = body;
    this.headers = request.headers;
    this.method = request.method;
    this.query = Object.fromEntries(url.searchParams);
    this.path = url.pathname;
  }
}

class FunctionContext {
  constructor(done) {
    this.statusCode = 200;
    this.fields = {};
    this.cb = done;
    this.called = 0;
  }

  status(code) {
    if (code === undefined) return this.statusCode;
    this.statusCode = code;
    return this;
  }

  headers(fields) {
    if (fields === undefined) return this.fields;
    this.fields = fields;
    return this;
  }

  succeed(value) {
    this.called += 1;
    this.cb(null, value);
  }

  fail(error) {
    this.called += 1;
    if (this.statusCode === 200) this.statusCode = 500;
    this.cb(error);
  }
}

function decoded(body, type) {
  if (type.startsWith("application/json")) {
    try {
      return JSON.parse(body.toString());
    } catch {
      return body.toString();
    }
  }
  if (type.startsWith("application/x-www-form-urlencoded")) {
    return Object.fromEntries(new URLSearchParams(body.toString()));
  }
  return type.startsWith("application/octet-stream") ? body : body.toString();
}

function encoded(value) {
  if (value === undefined || value === null) return [Buffer.alloc(0), ""];
  if (Buffer.isBuffer(value) || value instanceof Uint8Array) {
    return [Buffer.from(value), "application/octet-stream"];
  }
  if (typeof value === "object") return [Buffer.from(JSON.stringify(value)), "application/json"];
  return [Buffer.from(String(value)), "text/plain; charset=utf-8"];
}

function answer(response, context, error, value) {
  if (response.headersSent) return;
  if (error) {
    // The trace is for the log; only what the handler said on purpose is for the caller.
    console.error(error);
    const said = typeof error === "string" ? error : "Internal error";
    const status = context.statusCode === 200 ? 500 : context.statusCode;
    const text = Buffer.from(`${said}\n`);
    response.writeHead(status, { "Content-Type": "text/plain", "Content-Length": text.length });
    response.end(text);
    return;
  }
  const [body, type] = encoded(value);
  const fields = {};
  for (const [name, field] of Object.entries(context.fields)) {
    if (!/^(content-length|transfer-encoding|connection)$/i.test(name)) fields[name] = field;
  }
  const named = Object.keys(fields).some((name) => name.toLowerCase() === "content-type");
  if (type && !named) fields["Content-Type"] = type;
  fields["Content-Length"] = body.length;
  response.writeHead(context.statusCode, fields);
  response.end(body);
}

async function serve(request, response) {
  const parts = [];
  let size = 0;
  for await (const part of request) {
    size += part.length;
    if (size > BODY) {
      response.writeHead(413, { Connection: "close" });
      response.end("the body is too large\n");
      return;
    }
    parts.push(part);
  }
  const context = new FunctionContext(done);
  function done(error, value) {
    try {
      answer(response, context, error, value);
    } catch (problem) {
      answer(response, context, problem);
    }
  }
  try {
    const event = new FunctionEvent(request, Buffer.concat(parts));
    // A handler of three arguments answers by its callback.
    const result = await Promise.resolve(handler(event, context, done));
    if (!context.called && handler.length < 3) {
      done(null, result === context ? undefined : result);
    }
  } catch (error) {
    done(error);
  }
}

const server = http.createServer((request, response) => {
  serve(request, response).catch((error) => {
    if (!response.destroyed) answer(response, new FunctionContext(() => {}), error);
  });
});
server.keepAliveTimeout = 75000; // longer than the watchdog keeps a connection
server.requestTimeout = 0; // the watchdog's timeouts hold
process.on("SIGTERM", () => {
  server.close(() => process.exit(0)); // what is being answered is finished
  server.closeIdleConnections();
});
const socket = process.env.PUSHLINE_SOCKET;
if (socket) fs.rmSync(socket, { force: true });
server.listen(socket || 3000);
