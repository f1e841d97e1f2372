// What scenarios are made of: waiting within bounds, comparing, and opening sockets that the runner closes.

export const WITHIN = 60_000;

export function fail(message) {
  throw new Error(message);
}

const isBinary = (value) => value instanceof ArrayBuffer || ArrayBuffer.isView(value);

function octets(value) {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

function same(left, right) {
  if (isBinary(left) && isBinary(right)) {
    const a = octets(left);
    const b = octets(right);
    return a.length === b.length && a.every((octet, index) => octet === b[index]);
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((value, index) => same(value, right[index]));
  }
  if (left && right && typeof left === "object" && typeof right === "object") {
    if (Array.isArray(left) !== Array.isArray(right) || isBinary(left) !== isBinary(right)) return false;
    const keys = Object.keys(left);
    return keys.length === Object.keys(right).length && keys.every((key) => same(left[key], right[key]));
  }
  return Object.is(left, right);
}

function show(value) {
  const text = JSON.stringify(value, (_, inner) => (isBinary(inner) ? [...octets(inner).slice(0, 40)] : inner));
  return (text ?? String(value)).slice(0, 400);
}

export function equal(actual, expected, what) {
  if (!same(actual, expected)) fail(`${what}: expected ${show(expected)}, got ${show(actual)}`);
}

/** The arguments of the next `event`, or an error when it does not come in time. */
export function next(emitter, event, within = WITHIN) {
  return new Promise((resolve, reject) => {
    const take = (...values) => {
      clearTimeout(timer);
      resolve(values);
    };
    const timer = setTimeout(() => {
      emitter.off(event, take);
      reject(new Error(`no "${event}" within ${within} ms`));
    }, within);
    emitter.once(event, take);
  });
}

/** Every argument list of `event`, from now on; `until` waits for a number of them. */
export function collect(emitter, event) {
  const seen = [];
  let wake = () => {};
  emitter.on(event, (...values) => {
    seen.push(values);
    wake();
  });
  const until = (total, within = WITHIN) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${seen.length} of ${total} "${event}" within ${within} ms`)),
        within,
      );
      wake = () => {
        if (seen.length < total) return;
        clearTimeout(timer);
        resolve(seen);
      };
      wake();
    });
  return { seen, until };
}

export function open(world, namespace = "/", options = {}) {
  const socket = world.io(world.url + namespace, {
    transports: world.transports,
    forceNew: true,
    reconnection: false,
    ...options,
  });
  world.opened.push(socket);
  return socket;
}

/** A connected socket; when both transports are allowed, one that has been upgraded. */
export async function connected(world, options = {}) {
  const socket = open(world, "/", options);
  await next(socket, "connect");
  await settled(world, socket);
  return socket;
}

export async function settled(world, socket) {
  const engine = socket.io.engine;
  const last = world.transports.at(-1);
  if (engine.transport.name !== last) await next(engine, "upgrade");
  equal(engine.transport.name, last, "transport");
}

/** The reason for which the socket with this id leaves; clients of earlier scenarios may leave first. */
export function reasonOf(watcher, id) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${id} did not leave within ${WITHIN} ms`)), WITHIN);
    watcher.on("left", (left) => {
      if (left.id !== id) return;
      clearTimeout(timer);
      resolve(left.reason);
    });
  });
}

/** Resolves when everything that the server sent to `socket` before has arrived. */
export const flushed = (socket) => socket.timeout(WITHIN).emitWithAck("echo-ack");
